"""A container is stopped while its worker waits for a model, as ECS stops a task, and no job is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.processes import Process
from tests.aws.image.containers import STOP_SECONDS, Container
from tests.aws.image.fargate import Fargate
from tests.e2e.program import wait_until
from tests.e2e.stack import Row, new_event
from tests.fakes.ecs_agent import EcsAgent, running_ecs_agent
from tests.fakes.running import ModelServer

pytestmark = pytest.mark.timeout(900)

_KILLED = 137
_API_SECONDS = 30


@pytest.fixture
def agent() -> Iterator[EcsAgent]:
    with running_ecs_agent() as agent:
        yield agent


def start_worker(fargate: Fargate, **settings: str) -> Container:
    worker = fargate.start(Process.WORKER, **settings)
    worker.wait_for(" ready.")
    return worker


def post_and_wait_until_asked(fargate: Fargate, models: ModelServer) -> Row:
    def listens() -> bool:
        return "startup complete" in fargate.stack.programs["api"].text()

    wait_until(listens, _API_SECONDS, "the API listens")
    answer = fargate.stack.post(new_event())
    wait_until(lambda: len(models.calls()) == 1, 15, "the model is asked")
    return answer


def test_a_job_at_hand_is_finished(
    fargate: Fargate, models: ModelServer, agent: EcsAgent, tell: Callable[[str], None]
) -> None:
    models.script("openai", {"fault": "latency", "seconds": 6})
    worker = start_worker(fargate, ECS_AGENT_URI=agent.url)
    answer = post_and_wait_until_asked(fargate, models)
    wait_until(lambda: agent.protections() == [True], 5, "the task is protected")
    seconds, code = worker.stop()
    tell(f"stopped with a job of 6 s at hand: in {seconds:.1f} s, exit code {code}")
    assert code == 0
    assert seconds < STOP_SECONDS
    job = fargate.stack.job_of(answer["group_id"])
    assert (job["state"], job["attempts"]) == ("done", 1)
    assert len(models.calls()) == 1
    assert agent.protections() == [True, False]


def test_a_job_that_outlasts_the_grace_is_given_back_and_done_by_the_next(
    fargate: Fargate, models: ModelServer, tell: Callable[[str], None]
) -> None:
    models.script("openai", {"fault": "latency", "seconds": 50})
    worker = start_worker(fargate, SHUTDOWN_GRACE="3")
    answer = post_and_wait_until_asked(fargate, models)
    seconds, code = worker.stop()
    tell(f"stopped with a job of 50 s at hand and 3 s of grace: in {seconds:.1f} s, exit code {code}")
    assert code != _KILLED
    assert seconds < STOP_SECONDS
    job = fargate.stack.job_of(answer["group_id"])
    assert (job["state"], job["attempts"], job["claimed_by"]) == ("queued", 0, None)
    start_worker(fargate)
    assert fargate.stack.wait_for_job(answer["group_id"], "done", 30)["attempts"] == 1


def test_an_idle_worker_leaves_at_once(fargate: Fargate, tell: Callable[[str], None]) -> None:
    seconds, code = start_worker(fargate).stop()
    tell(f"stopped with nothing at hand: in {seconds:.1f} s, exit code {code}")
    assert code == 0
    assert seconds < STOP_SECONDS
