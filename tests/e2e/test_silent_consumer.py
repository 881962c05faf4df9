"""A worker whose connection to Redis falls silent without an error, as a forgetful NAT leaves it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import psycopg
import pytest

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.e2e.stack import Stack, new_event
from tests.faults.proxy import Proxy
from worker.watchdog import LOOK_SECONDS, RECONNECT_LOOKS

RECONNECTS = "the consumer connects again"
LEAVES = "the worker leaves"
_SLACK_SECONDS = 20


@pytest.fixture(scope="module")
def proxy(valkey: ValkeyServer) -> Iterator[Proxy]:
    assert valkey.port is not None
    with Proxy(valkey.port) as running:
        yield running


@pytest.fixture(scope="module")
def behind_proxy(
    postgres: PostgresServer,
    valkey: ValkeyServer,
    proxy: Proxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A stack of its own in which the worker alone reaches Redis by the proxy."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE e2e_silent TEMPLATE template")
    stack = Stack(
        tmp_path_factory.mktemp("silent-stack"),
        database_url=postgres.url.rsplit("/", 1)[0] + "/e2e_silent",
        redis_url=f"{valkey.url.rsplit('/', 1)[0]}/2",
    )
    with stack:
        stack.use_worker({"REDIS_URL": f"redis://127.0.0.1:{proxy.port}/2"})
        yield stack


def test_a_silent_connection_is_made_anew(behind_proxy: Stack, proxy: Proxy) -> None:
    worker = behind_proxy.programs["worker"]
    pid = worker.pid
    behind_proxy.wait_for_job(behind_proxy.post(new_event())["group_id"], "done")
    proxy.strand()
    answer = behind_proxy.post(new_event())
    behind_proxy.wait_for_job(answer["group_id"], "done", RECONNECT_LOOKS * LOOK_SECONDS + _SLACK_SECONDS)
    assert worker.text().count(RECONNECTS) == 1
    assert LEAVES not in worker.text()
    metrics = httpx2.get(f"http://127.0.0.1:{behind_proxy.metrics_port}/metrics", trust_env=False).text
    assert 'rootnote_worker_silences_total{step="reconnect"} 1.0' in metrics
    assert 'rootnote_worker_silences_total{step="leave"} 0.0' in metrics
    assert (worker.pid, worker.is_alive()) == (pid, True)
