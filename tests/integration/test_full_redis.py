"""A Redis that is full, or that resets connections, is one that is away: nobody ends by it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import kombu
import pytest
import uvloop
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from core.domain.ids import new_id
from core.domain.job import JobKind
from core.errors import QueueUnavailable
from core.queue.names import AI_ANALYSIS, Outgoing
from core.queue.publisher import Publisher
from infra.local.valkey import ValkeyServer
from tests.faults.proxy import Proxy
from worker import broker
from worker.celery_app import app


def outgoing() -> list[Outgoing]:
    return [Outgoing(job_id=new_id(), kind=JobKind.ANALYSE_GROUP, subject_id=new_id())]


@pytest.fixture
def full(redis_url: str) -> Iterator[str]:
    with Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", "1")
        yield redis_url
        client.config_set("maxmemory", "0")


async def test_the_api_leaves_what_a_full_redis_does_not_take(full: str) -> None:
    publisher = Publisher(full, timeout=2)
    with pytest.raises(QueueUnavailable):
        await publisher.send(outgoing())
    await publisher.aclose()


def test_a_worker_takes_a_full_redis_for_one_that_is_away(full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything else than a connection error ends Celery's consumer for good."""
    monkeypatch.setattr(broker, "_PAUSE_SECONDS", 0)
    with broker.Connection(full, transport=broker.Transport) as connection:
        assert RedisConnectionError in connection.recoverable_connection_errors
        channel: Any = connection.channel()
        with closing(channel):
            with pytest.raises(RedisConnectionError, match="no memory"):
                channel.client.set("a", "b")
            with pytest.raises(RedisConnectionError, match="no memory"), channel.client.pipeline() as pipe:
                pipe.zadd("unacked_index", {"tag": 1}).hset("unacked", "tag", "message").execute()
            assert channel.client.get("a") is None


def test_a_worker_looks_for_redis_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(kombu.Connection, "ensure_connection", lambda self, *args, **said: seen.append(said))
    assert app.amqp.Connection is broker.Connection
    app.amqp.Connection("redis://localhost").ensure_connection(max_retries=3)
    assert seen[0]["interval_max"] <= 2
    assert seen[0]["max_retries"] == 3


def test_a_connection_that_was_reset_in_the_pool_is_no_error(valkey: ValkeyServer, redis_url: str) -> None:
    """By uvloop, which the API has: it says RuntimeError, which redis-py takes for no connection's error."""

    async def send_over_resets() -> None:
        assert valkey.port is not None
        with Proxy(valkey.port) as proxy:
            publisher = Publisher(proxy.routed(redis_url), timeout=2)
            for _ in range(10):
                await publisher.send(outgoing())
                proxy.reset()
                await asyncio.sleep(0.01)
            await publisher.send(outgoing())
            await publisher.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(send_over_resets())
    with Redis.from_url(redis_url) as client:
        assert client.llen(AI_ANALYSIS) == 11
