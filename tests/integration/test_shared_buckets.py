"""All processes together keep to one quota: by the library's script in a real Valkey, and over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from core.domain.quota import HOLD_SECONDS, Quota
from core.errors import QueueUnavailable
from core.queue.buckets import Buckets, LocalBuckets, SharedBuckets
from core.queue.connection import RedisConnection
from infra.local.process import free_port
from tests.conftest import ROOT
from tests.e2e.program import Program, wait_until
from tests.integration.conftest import Query, guide_event
from tests.integration.quotas import BURST, EVENTS, bearer, project

RATE, BURST_SECONDS, BATCH = 200, 2, 20
SECONDS = 3.0
PROCESSES = 3

_FLOOD = """
import asyncio, json, random, sys, time
from core.queue.buckets import SharedBuckets
from core.queue.connection import RedisConnection
from core.settings import WithoutRedis
from handlers.quota_report import QuotaReport
from handlers.quotas import Limits, Quotas

async def main(url, rate, burst_seconds, batch, seconds, seed):
    dice = random.Random(seed)
    connection = RedisConnection(url, timeout=5)
    quotas = Quotas(
        Limits(project=rate, key=None, has_keys=False, burst_seconds=burst_seconds, batch=batch),
        shared=SharedBuckets(connection),
        without_redis=WithoutRedis.CLOSED,
        report=QuotaReport(deployment="test"),
    )
    accepted, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        events = dice.choice([1, 1, 1, 5, batch])
        if not await quotas.charge_projects({"shop": events}, {}):
            accepted.append((time.monotonic(), events))
        await asyncio.sleep(dice.choice([0, 0, 0.001, 0.01]))
    await connection.aclose()
    print(json.dumps(accepted))

asyncio.run(main(*json.loads(sys.argv[1])))
"""


def test_processes_that_flood_get_no_more_than_rate_and_burst_together(redis_url: str) -> None:
    arguments = [redis_url, RATE, BURST_SECONDS, BATCH, SECONDS]
    floods = [
        subprocess.Popen(
            [sys.executable, "-c", _FLOOD, json.dumps([*arguments, seed])],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    accepted = sorted(tuple(one) for flood in floods for one in json.loads(flood.communicate(timeout=60)[0]))

    burst = max(RATE * BURST_SECONDS, BATCH + RATE * HOLD_SECONDS)
    # What each was given last may be told of late, where the machine has other things to do.
    late = PROCESSES * BATCH
    for first, (start, _) in enumerate(accepted):
        total = 0
        for at, events in accepted[first:]:
            total += events
            assert total <= burst + RATE * (at - start) + late
    assert sum(events for _, events in accepted) > RATE * SECONDS


@pytest.mark.parametrize("kind", ["shared", "local"])
async def test_a_bucket_gives_what_it_has_and_says_what_is_left(kind: str, redis_url: str) -> None:
    connection = RedisConnection(redis_url, timeout=5)
    buckets: Buckets = SharedBuckets(connection) if kind == "shared" else LocalBuckets()
    slow = Quota(rate=1 / 600, capacity=10)
    assert (await buckets.take("a", slow, 4)).is_granted
    refused = await buckets.take("a", slow, 7)
    assert not refused.is_granted
    assert refused.left == pytest.approx(6, abs=0.1)
    assert (await buckets.take("a", slow, 6)).is_granted
    assert (await buckets.take("b", slow, 10)).is_granted
    assert (await buckets.take("a", Quota(rate=1, capacity=10), 10)).is_granted
    await connection.aclose()


async def test_redis_that_is_full_counts_as_away(redis_url: str) -> None:
    connection = RedisConnection(redis_url, timeout=5)
    await connection.redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(QueueUnavailable):
            await SharedBuckets(connection).take("a", Quota(rate=1, capacity=10), 1)
    finally:
        await connection.redis.config_set("maxmemory", "0")
        await connection.aclose()


@pytest.fixture
def two_apis(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[list[str]]:
    ports = [free_port(), free_port()]
    programs = [
        Program(
            f"api-{port}",
            [sys.executable, "-m", "uvicorn", "--factory", "handlers.app:create_app", "--port", str(port)],
            env={
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_url,
                "PYTHONPATH": str(ROOT),
                "PATH": "",
                "INGEST_RATE_PROJECT": "6/hour",
                "INGEST_BURST_SECONDS": "1",
                "MAX_BATCH_EVENTS": str(BURST),
            },
            folder=tmp_path,
        )
        for port in ports
    ]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    try:
        for url in urls:
            wait_until(lambda url=url: _answers(url), 30, f"{url} answers")  # type: ignore[misc]
        yield urls
    finally:
        for program in programs:
            program.kill()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_two_apis_share_a_projects_bucket(two_apis: list[str], query: Query) -> None:
    headers = bearer(query, project_id=project(query, "test"))
    with httpx2.Client(trust_env=False, headers=headers) as client:
        answers = [
            client.post(f"{url}{EVENTS}", json=guide_event()).status_code
            for _ in range(BURST)
            for url in two_apis
        ]
        # Refused before it is read, and the connection is good for the next one.
        unread = [client.post(f"{two_apis[0]}{EVENTS}", content=b"x" * 900_000).status_code for _ in range(3)]
    assert answers == [202] * BURST + [429] * BURST
    assert unread == [429] * 3
