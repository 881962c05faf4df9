"""A worker of two processes with dozens of jobs at a time: none is lost, and none suffers from another."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from infra.local.postgres import PostgresServer
from infra.local.process import free_port
from infra.local.valkey import ValkeyServer
from tests.conftest import migrated_database
from tests.e2e.conftest import OPENAI_KEY
from tests.e2e.program import Program, wait_until
from tests.e2e.stack import Row, Stack, new_event
from tests.fakes.running import ModelServer

AT_ONCE = 40
_ASKED_SECONDS = 30
_START_SECONDS = 45
_LOST_SECONDS = 60
"""A lease of 8 s, and room for a machine that is busy."""


def thinking(seconds: float) -> dict[str, str | float]:
    return {"fault": "latency", "seconds": seconds}


@pytest.fixture(scope="module")
def busy_stack(
    postgres: PostgresServer,
    valkey: ValkeyServer,
    running_models: ModelServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A stack of its own with one model that is asked patiently, and no quotas."""
    stack = Stack(
        tmp_path_factory.mktemp("busy-stack"),
        database_url=migrated_database(postgres, "e2e_busy"),
        redis_url=f"{valkey.url.rsplit('/', 1)[0]}/3",
        OPENAI_API_KEY=OPENAI_KEY,
        OPENAI_BASE_URL=running_models.openai_base_url,
        OFFLINE_ANALYSER="false",
        LLM_CALL_TIMEOUT="60",
        INGEST_RATE_PROJECT="",
        INGEST_RATE_KEY="",
        # A message that waits while a busy machine starts a process is not lost, nor is a job of its.
        RESEND_AFTER="15",
        LEASE="8",
    )
    with stack:
        yield stack


@pytest.fixture
def busy(busy_stack: Stack, models: ModelServer) -> Stack:
    """It with nothing left to do, and a worker whose processes have asked a model before."""
    if not busy_stack.programs["worker"].is_alive():
        busy_stack.launch("worker")
    busy_stack.wait_until_ready()
    check_done(busy_stack, post(busy_stack, 8), _LOST_SECONDS)
    wait_until(lambda: not unfinished(busy_stack), _LOST_SECONDS, "no job is left")
    models.reset()
    return busy_stack


def post(stack: Stack, count: int) -> list[Row]:
    """Errors of as many projects, so that each is sent at once."""
    events = [new_event() for _ in range(count)]
    response = stack.http.post("/api/v1/events/batch", json={"events": events})
    assert response.status_code == 202, response.text
    results: list[Row] = response.json()["results"]
    return results


def post_and_wait_until_asked(stack: Stack, models: ModelServer, count: int = AT_ONCE) -> list[Row]:
    """All of their calls are under way."""
    answers = post(stack, count)
    wait_until(lambda: models.in_flight() == count, _ASKED_SECONDS, f"{count} calls are in flight")
    return answers


def stack_of(number: int) -> str:
    """No two have a fingerprint in common."""
    name = "".join(chr(ord("a") + int(digit)) for digit in str(number))
    at = f'  File "/srv/shop.py", line 1, in pay_{name}'
    return f"Traceback (most recent call last):\n{at}\nTimeoutError: no answer"


def unfinished(stack: Stack) -> list[Row]:
    return stack.query("SELECT * FROM jobs WHERE state IN ('queued', 'running')")


def jobs_of(stack: Stack, answers: Sequence[Row]) -> list[Row]:
    groups = [answer["group_id"] for answer in answers]
    return stack.query("SELECT * FROM jobs WHERE subject_id = ANY(%s::uuid[])", groups)


def check_done(stack: Stack, answers: Sequence[Row], seconds: float) -> None:
    def states() -> Counter[str]:
        return Counter(job["state"] for job in jobs_of(stack, answers))

    wait_until(lambda: states() == {"done": len(answers)}, seconds, "all jobs are done")


def processes_at_work(stack: Stack, answers: Sequence[Row]) -> Counter[int]:
    """How many of the jobs each process of the pool has."""
    return Counter(int(job["claimed_by"].split(":")[1]) for job in jobs_of(stack, answers))


def pin(worker: Program, core: int) -> None:
    for pid in (worker.pid, *pids(worker)):
        os.sched_setaffinity(pid, {core})


def is_ready(stack: Stack) -> bool:
    """The worker `stuck` takes messages."""
    return stack.call("celery", "-A", "worker", "inspect", "ping", "-d", "stuck@e2e").returncode == 0


def pids(worker: Program) -> set[int]:
    """Of its pool's processes."""
    return {child.pid for child in worker.children()}


def test_one_core_keeps_fifty_calls_in_flight(busy: Stack, models: ModelServer) -> None:
    """Of one project's errors, which come by the sweeper. Here ten jobs a second are enough, since others may
    have most of the core; a second a call, and fifty jobs a second, are for `make bench`."""
    pin(busy.programs["worker"], min(os.sched_getaffinity(0)))
    models.script("openai", then=thinking(5))
    project = new_event()["project_key"]
    events = [new_event(project_key=project, stack=stack_of(number)) for number in range(150)]
    assert busy.http.post("/api/v1/events/batch", json={"events": events}).status_code == 202
    seen: list[int] = []
    while unfinished(busy):
        seen.append(models.in_flight())
        time.sleep(0.2)
    assert 50 <= max(seen) <= 64
    assert len(models.calls()) == 150


def test_a_worker_that_stops_ends_all_that_it_has(busy: Stack, models: ModelServer) -> None:
    models.script("openai", then=thinking(4))
    answers = post_and_wait_until_asked(busy, models)
    assert min(processes_at_work(busy, answers).values()) >= AT_ONCE // 4
    worker = busy.programs["worker"]
    worker.terminate()
    assert worker.wait(4 + 20) == 0
    jobs = jobs_of(busy, answers)
    assert Counter((job["state"], job["attempts"]) for job in jobs) == {("done", 1): AT_ONCE}
    assert len(models.calls()) == AT_ONCE


def test_a_worker_that_may_not_wait_gives_all_back(busy: Stack, models: ModelServer) -> None:
    busy.use_worker({"SHUTDOWN_GRACE": "1"})
    models.script("openai", then=thinking(30))
    answers = post_and_wait_until_asked(busy, models)
    worker = busy.programs["worker"]
    worker.terminate()
    assert worker.wait(20) is not None, "the worker waits for its jobs beyond the grace time"
    jobs = jobs_of(busy, answers)
    assert Counter((job["state"], job["attempts"], job["losses"]) for job in jobs) == {
        ("queued", 0, 0): AT_ONCE
    }
    models.reset()
    busy.use_worker({})
    check_done(busy, answers, _LOST_SECONDS)


def test_a_process_is_killed_with_many_jobs(busy: Stack, models: ModelServer) -> None:
    """Its leases have far to run: what it had runs again since its parent says that it is gone."""
    busy.use_worker({"LEASE": "300"})
    models.script("openai", then=thinking(3))
    answers = post_and_wait_until_asked(busy, models)
    worker = busy.programs["worker"]
    killed, lost = processes_at_work(busy, answers).most_common()[0]
    os.kill(killed, signal.SIGKILL)
    check_done(busy, answers, _LOST_SECONDS)
    jobs = jobs_of(busy, answers)
    assert Counter(job["attempts"] for job in jobs) == {1: AT_ONCE - lost, 2: lost}
    assert len(models.calls()) == AT_ONCE + lost
    assert worker.is_alive()
    # All places of both processes can be taken, the new one's too.
    models.script("openai", then=thinking(6))
    again = post_and_wait_until_asked(busy, models, 64)
    assert set(processes_at_work(busy, again).values()) == {32}
    check_done(busy, again, _LOST_SECONDS)
    busy.use_worker({})


@contextlib.contextmanager
def worker_with(stack: Stack, *options: str) -> Iterator[None]:
    """In place of the usual worker, one with these words on its command line."""
    usual, stack.worker_options = stack.worker_options, (*stack.worker_options, *options)
    stack.use_worker({}, fresh=True)
    stack.worker_options = usual
    yield
    stack.programs["worker"].terminate()
    assert stack.programs["worker"].wait(20) == 0


@pytest.fixture
def stuck(busy: Stack) -> Iterator[Program]:
    """In place of the usual worker, one with a soft limit of 10 s and tasks that hang."""
    busy.programs["worker"].terminate()
    assert busy.programs["worker"].wait(20) == 0
    words = ("--loglevel=info", "--queues=ai_analysis", "--concurrency=2", "-n", "stuck@e2e")
    worker = busy.run(
        "stuck",
        "celery",
        "-A",
        "tests.e2e.stuck_worker",
        "worker",
        *words,
        WORKER_METRICS_PORT=str(free_port()),
    )
    # Its log has what the one of the test before said.
    wait_until(lambda: len(pids(worker)) == 2 and is_ready(busy), _START_SECONDS, "the worker is ready")
    yield worker
    worker.kill()


def test_a_job_over_its_soft_limit_ends_alone(busy: Stack, stuck: Program, models: ModelServer) -> None:
    models.script("openai", thinking(60), then=thinking(1))
    answers = post(busy, AT_ONCE)
    check_done(busy, answers, _LOST_SECONDS)
    jobs = jobs_of(busy, answers)
    assert Counter((job["attempts"], job["last_error"]) for job in jobs) == {
        (1, None): AT_ONCE - 1,
        (2, "stopped at the time limit"): 1,
    }
    assert "Soft time limit (10" in stuck.text()


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("tests.ignore_the_soft_limit", "Hard time limit (3"),
        ("tests.block_the_loop", "compute"),
    ],
)
def test_what_hangs_for_good_takes_its_process_and_no_other_job(
    busy: Stack, stuck: Program, models: ModelServer, task: str, said: str
) -> None:
    """Past its hard limit the parent ends it; where its event loop is stuck, it ends by itself."""
    models.script("openai", then=thinking(3))
    processes = pids(stuck)
    assert busy.call("celery", "-A", "tests.e2e.stuck_worker", "call", task).returncode == 0
    answers = post(busy, AT_ONCE)
    check_done(busy, answers, _LOST_SECONDS)
    wait_until(lambda: said in stuck.text(), _LOST_SECONDS, f"the log says {said!r}")
    wait_until(lambda: len(pids(stuck) & processes) == 1, 30, "one process is new")
    assert max(job["losses"] for job in jobs_of(busy, answers)) <= 1


def test_processes_that_have_done_their_share_are_replaced(busy: Stack, models: ModelServer) -> None:
    with worker_with(busy, "--max-tasks-per-child=20"):
        models.script("openai", then=thinking(0.2))
        processes = pids(busy.programs["worker"])
        answers = post(busy, 100)
        check_done(busy, answers, _LOST_SECONDS)
        wait_until(lambda: not pids(busy.programs["worker"]) & processes, 20, "both processes are new")
    assert "could not ensure" not in busy.programs["worker"].text()
    jobs = jobs_of(busy, answers)
    assert Counter((job["attempts"], job["losses"]) for job in jobs) == {(1, 0): 100}
    assert len(models.calls()) == 100
