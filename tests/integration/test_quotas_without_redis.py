"""Redis is away, or silent: what then is let in is a setting, and nobody waits for it again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from pydantic import SecretStr

from core.domain.access import new_key
from core.settings import Settings, WithoutRedis
from tests.fakes.secrets_and_queues import FakeAws
from tests.integration.conftest import Query, guide_event
from tests.integration.quotas import BURST, EVENTS, api, bearer, project

NOWHERE = SecretStr("redis://127.0.0.1:9/0")
CLOSED_WAIT = "5"


async def statuses(client: httpx2.AsyncClient, headers: dict[str, str], tries: int = 2 * BURST) -> list[int]:
    return [
        (await client.post(EVENTS, json=guide_event(), headers=headers)).status_code for _ in range(tries)
    ]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (WithoutRedis.LOCAL, [202] * BURST + [429] * BURST),
        (WithoutRedis.OPEN, [202] * 2 * BURST),
        (WithoutRedis.CLOSED, [503] * 2 * BURST),
    ],
)
async def test_redis_is_away(
    settings: Settings, query: Query, setting: WithoutRedis, expected: list[int]
) -> None:
    project(query, "test")
    key = bearer(query)
    async with api(settings, redis_url=NOWHERE, ingest_rate_without_redis=setting) as client:
        assert await statuses(client, key) == expected
        answer = await client.post(EVENTS, json=guide_event(), headers=key)
        if setting is WithoutRedis.CLOSED:
            assert answer.headers["retry-after"] == CLOSED_WAIT
            assert "Redis" in answer.json()["detail"]


@pytest.fixture
async def silent() -> AsyncIterator[tuple[SecretStr, list[None]]]:
    """A Redis that accepts connections and never answers, and one entry for each of them."""
    accepted: list[None] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(None)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    yield SecretStr(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"), accepted
    server.close()


async def test_a_silent_redis_is_not_waited_for_by_every_request(
    settings: Settings, query: Query, silent: tuple[SecretStr, list[None]]
) -> None:
    url, accepted = silent
    # More than one sender reaches.
    project(query, "test", rate=6_000_000)
    key = bearer(query)
    loop = asyncio.get_running_loop()
    async with api(settings, redis_url=url, redis_timeout=0.2) as client:
        started = loop.time()
        assert await statuses(client, key, 200) == [202] * 200
        rests = (loop.time() - started) / 1.0
    # In each second one command fails, and is tried on two connections at most.
    assert len(accepted) <= 2 * (rests + 1)


async def test_quotas_hold_while_postgresql_is_away(settings: Settings, aws: FakeAws) -> None:
    """Events wait in the buffer then: each key and each project within its quota, as far as it is known."""
    away = {
        "database_url": SecretStr("postgresql://127.0.0.1:9/rootnote"),
        "database_timeout": 0.2,
        "event_buffer_url": aws.queue_url("buffer"),
    }
    key = {"Authorization": f"Bearer {new_key()}"}
    async with api(settings, **away, ingest_rate_key="2/second") as client:
        assert await statuses(client, key, BURST + 2) == [202] * BURST + [429] * 2
        batch = {"events": [guide_event(project_key=name) for name in ("test", "other")]}
        answer = await client.post(
            f"{EVENTS}/batch", json=batch, headers={"Authorization": f"Bearer {new_key()}"}
        )
        assert [item["status"] for item in answer.json()["results"]] == [429, 202]
    assert len(aws.queues[aws.queue_url("buffer")]) == BURST + 1
