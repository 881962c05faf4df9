"""What is said to the ECS agent, and what is made of each of its answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from infra.local.process import free_port
from tests.conftest import ROOT
from tests.fakes.ecs_agent import EcsAgent, running_ecs_agent
from worker.protection import Call, Protection, Refused, tell_agent


@pytest.fixture(scope="module")
def running_agent() -> Iterator[EcsAgent]:
    with running_ecs_agent() as agent:
        yield agent


@pytest.fixture
def agent(running_agent: EcsAgent) -> EcsAgent:
    running_agent.reset()
    return running_agent


def test_protection_is_asked_for_and_given_back(agent: EcsAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    # A proxy of the environment must not be asked: it cannot reach a task's own agent.
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    tell_agent(agent.url, Call.PROTECT)
    tell_agent(agent.url, Call.RELEASE)
    assert agent.asked == [{"ProtectionEnabled": True, "ExpiresInMinutes": 10}, {"ProtectionEnabled": False}]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("failure", "200: TASK_NOT_VALID"),
        ("error", "400: AccessDeniedException: no ecs:UpdateTaskProtection"),
        ("garbage", "JSONDecodeError"),
    ],
)
def test_a_refusal_says_why(agent: EcsAgent, mode: str, reason: str) -> None:
    agent.reset(mode)
    with pytest.raises(Refused, match=reason):
        tell_agent(agent.url, Call.PROTECT)


@pytest.mark.parametrize(
    "uri",
    [f"http://127.0.0.1:{free_port()}/api/x", "http://127.0.0.1:none/", "169.254.170.2/api", "https://host/"],
)
def test_no_agent_is_a_refusal(uri: str) -> None:
    with pytest.raises(Refused):
        tell_agent(uri, Call.PROTECT)


def test_another_path_is_a_refusal(agent: EcsAgent) -> None:
    with pytest.raises(Refused, match="404: an answer that says nothing of protection"):
        tell_agent(agent.url + "/else", Call.PROTECT)


def test_a_worker_that_ends_gives_protection_back(agent: EcsAgent) -> None:
    protection = Protection(lambda call: tell_agent(agent.url, call), is_working=lambda: True)
    protection.look()
    protection.start()
    protection.stop()
    assert agent.protections() == [True, False]


def test_a_worker_that_never_asked_gives_nothing_back(agent: EcsAgent) -> None:
    protection = Protection(lambda call: tell_agent(agent.url, call), is_working=lambda: False)
    protection.start()
    protection.stop()
    assert agent.asked == []


@pytest.mark.parametrize("uri", ["", "http://169.254.170.2/api/x"])
def test_outside_of_ecs_it_is_not_even_loaded(uri: str) -> None:
    program = (
        "import sys\n"
        "from celery.signals import worker_ready\n"
        "from worker import celery_app\n"
        "celery_app._protect_while_working()\n"
        "print('worker.protection' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://host/db", "ECS_AGENT_URI": uri},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.strip() == str(bool(uri))
