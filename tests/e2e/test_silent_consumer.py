"""A worker that is alive and connected and takes nothing: it notices, and connects again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import httpx2
import pytest

from infra.local.postgres import PostgresServer
from infra.local.process import free_port
from infra.local.valkey import ValkeyServer
from tests.conftest import migrated_database
from tests.e2e.program import wait_until
from tests.e2e.stack import Stack, new_event
from worker.watchdog import LOOK_SECONDS, RECONNECT_LOOKS

_START_SECONDS = 45
_SLACK_SECONDS = 30
_WORDS = ("--loglevel=info", "--queues=ai_analysis", "--concurrency=2", "-n", "forgetful@e2e")


@pytest.fixture(scope="module")
def silent_stack(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack of its own, in which nobody else takes jobs."""
    stack = Stack(
        tmp_path_factory.mktemp("silent-stack"),
        database_url=migrated_database(postgres, "e2e_silent"),
        redis_url=f"{valkey.url.rsplit('/', 1)[0]}/2",
    )
    with stack:
        stack.programs["worker"].kill()
        yield stack


def test_a_consumer_that_forgot_its_queues_connects_again(silent_stack: Stack) -> None:
    port = free_port()
    celery = ("celery", "-A", "tests.e2e.forgetful_worker", "worker")
    worker = silent_stack.run("forgetful", *celery, *_WORDS, WORKER_METRICS_PORT=str(port))
    try:
        wait_until(lambda: " ready." in worker.text(), _START_SECONDS, "the worker is ready")
        silent_stack.wait_for_job(silent_stack.post(new_event())["group_id"], "done")
        os.kill(worker.pid, signal.SIGUSR2)
        answer = silent_stack.post(new_event())
        silent_stack.wait_for_job(answer["group_id"], "done", RECONNECT_LOOKS * LOOK_SECONDS + _SLACK_SECONDS)
        metrics = httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        assert 'rootnote_worker_silences_total{step="reconnect"} 1.0' in metrics
        assert 'rootnote_worker_silences_total{step="leave"} 0.0' in metrics
        assert worker.is_alive()
    finally:
        worker.kill()
