"""A worker on ECS: its task is protected from scale-in while a job runs, and only then."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.program import wait_until
from tests.e2e.stack import Row, Stack, new_event
from tests.fakes.ecs_agent import EcsAgent, running_ecs_agent
from tests.fakes.running import ModelServer
from worker.protection import IDLE_SECONDS, RETRY_SECONDS

CANARIES_SECONDS = 3
"""Sweeps come every second here, and canaries with them."""


def slow(seconds: float) -> dict[str, str | float]:
    return {"fault": "latency", "seconds": seconds}


@pytest.fixture(scope="module")
def running_agent() -> Iterator[EcsAgent]:
    with running_ecs_agent() as agent:
        yield agent


@pytest.fixture
def agent(running_agent: EcsAgent) -> EcsAgent:
    running_agent.reset()
    return running_agent


@pytest.fixture
def on_ecs(running_stack: Stack, model_settings: dict[str, str], agent: EcsAgent) -> Stack:
    """The shared stack with a new worker, idle and unprotected, whose models are asked patiently."""
    settings = model_settings | {"ECS_AGENT_URI": agent.url, "LLM_CALL_TIMEOUT": "30"}
    running_stack.use_worker(settings, fresh=True)
    # The worker before gave back what it held.
    agent.reset()
    return running_stack


def post_and_wait_until_asked(stack: Stack, models: ModelServer) -> Row:
    asked_before = len(models.calls())
    answer = stack.post(new_event())
    wait_until(lambda: len(models.calls()) > asked_before, 10, "the model is asked")
    return answer


def test_a_job_is_protected_to_its_end_and_canaries_are_not(
    on_ecs: Stack, models: ModelServer, agent: EcsAgent
) -> None:
    time.sleep(CANARIES_SECONDS)
    assert agent.asked == []
    models.script("openai", slow(6))
    answer = post_and_wait_until_asked(on_ecs, models)
    wait_until(lambda: agent.protections() == [True], 3, "the task is protected")
    assert on_ecs.job_of(answer["group_id"])["state"] == "running"
    on_ecs.wait_for_job(answer["group_id"], "done")
    assert agent.protections() == [True]
    wait_until(lambda: agent.protections() == [True, False], IDLE_SECONDS + 5, "protection is given back")
    time.sleep(CANARIES_SECONDS)
    assert agent.protections() == [True, False]


def test_two_jobs_at_once_and_one_soon_after_are_one_protection(
    on_ecs: Stack, models: ModelServer, agent: EcsAgent
) -> None:
    models.script("openai", slow(3), slow(5))
    first = post_and_wait_until_asked(on_ecs, models)
    second = post_and_wait_until_asked(on_ecs, models)
    on_ecs.wait_for_job(first["group_id"], "done")
    assert on_ecs.job_of(second["group_id"])["state"] == "running"
    on_ecs.wait_for_job(second["group_id"], "done")
    time.sleep(2)
    on_ecs.wait_for_job(on_ecs.post(new_event())["group_id"], "done")
    assert agent.protections() == [True]
    wait_until(lambda: agent.protections() == [True, False], IDLE_SECONDS + 5, "protection is given back")


def test_a_worker_that_stops_keeps_it_to_the_end_of_its_job(
    on_ecs: Stack, models: ModelServer, agent: EcsAgent
) -> None:
    models.script("openai", slow(4))
    answer = post_and_wait_until_asked(on_ecs, models)
    wait_until(lambda: agent.protections() == [True], 3, "the task is protected")
    on_ecs.programs["worker"].terminate()
    while on_ecs.programs["worker"].is_alive():
        ended = on_ecs.job_of(answer["group_id"])["state"] == "done"
        assert ended or agent.protections() == [True]
        time.sleep(0.1)
    assert on_ecs.programs["worker"].wait(1) == 0
    assert agent.protections() == [True, False]
    assert on_ecs.job_of(answer["group_id"])["state"] == "done"


def test_an_agent_that_hangs_keeps_no_job_waiting(
    on_ecs: Stack, models: ModelServer, agent: EcsAgent
) -> None:
    agent.reset("hang")
    # Work is looked for twice a second: six quick jobs may all have ended in between.
    models.script("openai", slow(2))
    answers = [on_ecs.post(new_event()) for _ in range(6)]
    wait_until(lambda: agent.asked, 5, "the agent is asked")
    for answer in answers:
        on_ecs.wait_for_job(answer["group_id"], "done")
    assert agent.answered == 0


def test_an_agent_that_refuses_is_told_of_once_and_jobs_go_on(
    on_ecs: Stack, models: ModelServer, agent: EcsAgent
) -> None:
    def warnings() -> int:
        return on_ecs.programs["worker"].text().count("scale-in protection fails")

    warned_before = warnings()
    agent.reset("error")
    models.script("openai", slow(RETRY_SECONDS + 2))
    answer = post_and_wait_until_asked(on_ecs, models)
    wait_until(lambda: agent.answered == 2, RETRY_SECONDS + 5, "the agent refuses twice")
    on_ecs.wait_for_job(answer["group_id"], "done")
    assert agent.protections() == [True, True]
    assert warnings() == warned_before + 1
