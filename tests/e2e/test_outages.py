"""Redis, a worker, or PostgreSQL goes away while events come in, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence

import pytest
import redis

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrate
from tests.e2e.conftest import OPENAI_KEY
from tests.e2e.program import wait_until
from tests.e2e.stack import Row, Stack, new_event
from tests.fakes.running import ModelServer

SLOW = {"fault": "latency", "seconds": 3}


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("own-postgres") / "data", durable=False) as server:
        migrate(server.url)
        yield server


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path_factory.mktemp("own-valkey") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def running_own_stack(
    own_postgres: PostgresServer,
    own_valkey: ValkeyServer,
    running_models: ModelServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Servers that may be stopped, and one model that is asked patiently."""
    stack = Stack(
        tmp_path_factory.mktemp("own-stack"),
        database_url=own_postgres.url,
        redis_url=own_valkey.url,
        OPENAI_API_KEY=OPENAI_KEY,
        OPENAI_BASE_URL=running_models.openai_base_url,
        OFFLINE_ANALYSER="false",
        LLM_CALL_TIMEOUT="30",
    )
    with stack:
        yield stack


@pytest.fixture
def own_stack(
    running_own_stack: Stack, own_postgres: PostgresServer, own_valkey: ValkeyServer, models: ModelServer
) -> Stack:
    """All well and nothing left to do, whatever the test before left."""
    own_postgres.start()
    own_valkey.start()
    start_what_ended(running_own_stack)
    running_own_stack.wait_until_ready()
    unfinished = "SELECT 1 FROM jobs WHERE state IN ('queued', 'running')"
    wait_until(lambda: not running_own_stack.query(unfinished), 30, "no job is left")
    return running_own_stack


def start_what_ended(stack: Stack, *names: str) -> None:
    """What `make run` and ECS do with a program that ends."""
    for name in names or tuple(stack.programs):
        if not stack.programs[name].is_alive():
            stack.launch(name)


def check_all_analysed(stack: Stack, answers: Sequence[Row], seconds: float) -> None:
    """Beat is started again where it ended; nothing else is helped."""

    def unfinished() -> list[str]:
        start_what_ended(stack, "beat")
        return [a["group_id"] for a in answers if stack.job_of(a["group_id"])["state"] != "done"]

    wait_until(lambda: not unfinished(), seconds, "all jobs are done")
    for answer in answers:
        stack.wait_for_analysis(answer["id"])


def post_and_wait_until_asked(stack: Stack, models: ModelServer) -> Row:
    """An event whose job is waiting for its model."""
    asked_before = len(models.calls())
    answer = stack.post(new_event())
    wait_until(lambda: len(models.calls()) > asked_before, 10, "the model is asked")
    return answer


def outcomes(stack: Stack, answer: Row) -> list[str]:
    return [call["outcome"] for call in stack.calls_of(answer["group_id"])]


def test_a_pool_process_is_killed_at_work(own_stack: Stack, models: ModelServer) -> None:
    models.script("openai", SLOW)
    answer = post_and_wait_until_asked(own_stack, models)
    pid = int(own_stack.job_of(answer["group_id"])["claimed_by"].split(":")[1])
    worker = own_stack.programs["worker"]
    assert pid in {child.pid for child in worker.children()}
    os.kill(pid, signal.SIGKILL)
    check_all_analysed(own_stack, [answer], 60)
    assert worker.is_alive()
    assert outcomes(own_stack, answer) == ["ok"]
    assert own_stack.job_of(answer["group_id"])["attempts"] == 2


def test_a_worker_is_killed_at_work(own_stack: Stack, models: ModelServer) -> None:
    models.script("openai", SLOW)
    answer = post_and_wait_until_asked(own_stack, models)
    own_stack.programs["worker"].kill()
    own_stack.launch("worker")
    check_all_analysed(own_stack, [answer], 60)
    # The killed call was made and never written down.
    assert len(models.calls("openai")) == 2
    assert outcomes(own_stack, answer) == ["ok"]


def test_the_parent_of_the_pool_is_killed_at_work(own_stack: Stack, models: ModelServer) -> None:
    models.script("openai", SLOW)
    answer = post_and_wait_until_asked(own_stack, models)
    worker = own_stack.programs["worker"]
    orphans = worker.children()
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(5)
    second = own_stack.launch("second")
    check_all_analysed(own_stack, [answer], 60)
    # The orphan may have finished what it had begun; then nobody did it again.
    assert outcomes(own_stack, answer) == ["ok"]
    wait_until(lambda: not any(orphan.is_running() for orphan in orphans), 30, "orphans end by themselves")
    own_stack.programs["worker"] = own_stack.programs.pop("second")
    assert second.is_alive()


def test_a_worker_is_asked_to_stop_at_work(own_stack: Stack, models: ModelServer) -> None:
    models.script("openai", SLOW)
    answer = post_and_wait_until_asked(own_stack, models)
    worker = own_stack.programs["worker"]
    worker.terminate()
    waiting = own_stack.post(new_event())
    assert worker.wait(3 + 20) is not None, "the worker stays though it has nothing left to do"
    own_stack.launch("worker")
    check_all_analysed(own_stack, [answer, waiting], 30)
    assert outcomes(own_stack, answer) == ["ok"]
    assert own_stack.job_of(answer["group_id"])["attempts"] == 1


def test_a_worker_that_may_not_wait_gives_its_job_back(own_stack: Stack, models: ModelServer) -> None:
    own_stack.use_worker({"SHUTDOWN_GRACE": "1"})
    models.script("openai", {"fault": "latency", "seconds": 30})
    answer = post_and_wait_until_asked(own_stack, models)
    worker = own_stack.programs["worker"]
    worker.terminate()
    assert worker.wait(15) is not None, "the worker waits for its job beyond the grace time"
    job = own_stack.job_of(answer["group_id"])
    assert (job["state"], job["attempts"], job["claimed_by"]) == ("queued", 0, None)
    own_stack.use_worker({})
    check_all_analysed(own_stack, [answer], 30)
    assert own_stack.job_of(answer["group_id"])["attempts"] == 1


def test_redis_is_emptied(own_stack: Stack, own_valkey: ValkeyServer, models: ModelServer) -> None:
    # Or none would wait in Redis.
    own_stack.use_worker({"JOBS_PER_PROCESS": "1"})
    models.script("openai", then={"fault": "latency", "seconds": 1})
    answers = [own_stack.post(new_event()) for _ in range(8)]
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.llen("ai_analysis") > 0
        client.flushall()
    check_all_analysed(own_stack, answers, 60)
    own_stack.wait_until_ready()
    own_stack.use_worker({})


def test_redis_is_away_while_events_come_in(
    own_stack: Stack, own_valkey: ValkeyServer, models: ModelServer
) -> None:
    models.script("openai", SLOW)
    worker = own_stack.programs["worker"]
    answers = [post_and_wait_until_asked(own_stack, models)]
    own_valkey.stop()
    for _ in range(5):
        began = time.monotonic()
        answers.append(own_stack.post(new_event()))
        assert time.monotonic() - began < 3
        assert answers[-1]["analysis"] in {"deferred", "queued"}
    assert own_stack.http.get("/readyz").status_code == 503
    # Long enough for the job to end while Redis is away, and its message with it.
    time.sleep(3)
    own_valkey.start()
    check_all_analysed(own_stack, answers, 60)
    assert own_stack.programs["worker"] is worker
    assert worker.is_alive()
    own_stack.wait_until_ready()


def test_postgres_is_away(own_stack: Stack, own_postgres: PostgresServer, models: ModelServer) -> None:
    models.script("openai", SLOW)
    before = {name: own_stack.programs[name].pid for name in ("api", "worker")}
    running = post_and_wait_until_asked(own_stack, models)
    own_postgres.stop()
    refused = own_stack.http.post("/api/v1/events", json=new_event())
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
    assert own_stack.http.get("/readyz").status_code == 503
    assert own_stack.http.get("/healthz").status_code == 200
    # Long enough for the model to have answered a worker that cannot write it down.
    time.sleep(3)
    own_postgres.start()
    own_stack.wait_until_ready(30)
    check_all_analysed(own_stack, [running, own_stack.post(new_event())], 30)
    assert {name: own_stack.programs[name].pid for name in before} == before
    assert all(own_stack.programs[name].is_alive() for name in before)
