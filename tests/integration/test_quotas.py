"""Who sends more than its quota gets 429, and nobody else does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
import redis
from pydantic import SecretStr

from core.domain.access import new_key
from core.settings import Auth, Settings
from handlers import wiring
from handlers.buffering import BufferedEvent, encode, store_buffered
from handlers.quotas import Limits
from handlers.receive import prepare
from handlers.schemas import EventIn
from tests.fakes.secrets_and_queues import FakeAws
from tests.integration.conftest import Query, guide_event
from tests.integration.quotas import BURST, EVENTS, SMALL, api, bearer, counted_commands, project


@pytest.fixture
async def small(settings: Settings, query: Query) -> AsyncIterator[httpx2.AsyncClient]:
    project(query, "test")
    project(query, "other")
    async with api(settings) as client:
        yield client


async def statuses(
    client: httpx2.AsyncClient, count: int, headers: dict[str, str], **changes: object
) -> list[int]:
    return [
        (await client.post(EVENTS, json=guide_event(**changes), headers=headers)).status_code
        for _ in range(count)
    ]


def stored(query: Query) -> int:
    return int(query("SELECT count(*) AS n FROM error_events")[0]["n"])


async def test_a_project_over_its_quota_is_refused_and_no_other(
    small: httpx2.AsyncClient, query: Query
) -> None:
    key = bearer(query)
    assert await statuses(small, BURST + 2, key) == [202] * BURST + [429] * 2
    refused = await small.post(EVENTS, json=guide_event(), headers=key)
    assert refused.headers["content-type"] == "application/problem+json"
    assert 300 < int(refused.headers["retry-after"]) <= 600
    assert refused.json()["status"] == 429
    assert refused.json()["detail"] == "the quota of project_key 'test', 6 events an hour, is used up"
    assert await statuses(small, 1, key, project_key="other") == [202]
    assert stored(query) == BURST + 1
    metrics = (await small.get("/metrics")).text
    assert 'rootnote_quota_refused_total{quota="project"}' in metrics
    assert 'rootnote_events_refused_total{status="429"}' in metrics


async def test_the_same_event_again_counts_too(small: httpx2.AsyncClient, query: Query) -> None:
    key = bearer(query)
    assert await statuses(small, BURST + 1, key, event_id="e-1") == [202, *[200] * (BURST - 1), 429]


async def test_without_keys_projects_have_their_quota(settings: Settings) -> None:
    async with api(settings, auth=Auth.OFF, ingest_rate_key="1/hour") as client:
        assert await statuses(client, BURST + 1, {}) == [202] * BURST + [429]
        assert await statuses(client, BURST, {}, project_key="other") == [202] * BURST


def test_on_ones_own_machine_there_is_no_quota_unless_it_is_set(settings: Settings) -> None:
    required = settings.model_copy(update={"auth": Auth.REQUIRED})
    asked_for = settings.model_copy(update={"ingest_rate_project": "3/second"})
    assert [Limits.of(given).project for given in (settings, required, asked_for)] == [None, 200, 3]


async def test_a_key_over_its_quota_is_refused_before_its_body_is_read(
    settings: Settings, query: Query, redis_url: str
) -> None:
    project(query, "test")
    key = bearer(query)
    async with api(settings, ingest_rate_project=None, ingest_rate_key="60/hour") as client:
        assert await statuses(client, BURST, key) == [202] * BURST
        refused = await client.post(EVENTS, json=guide_event(), headers=key)
        assert refused.json()["detail"] == "the quota of this key, 1 events a minute, is used up"
        with counted_commands(redis_url) as commands:
            for path in (EVENTS, f"{EVENTS}/batch"):
                for _ in range(20):
                    assert (await client.post(path, content="no JSON", headers=key)).status_code == 429
        assert not commands
        assert await statuses(client, 1, bearer(query)) == [202]
    assert stored(query) == BURST + 1


async def test_what_is_no_event_counts_for_its_key_too(settings: Settings, query: Query) -> None:
    key = bearer(query)
    async with api(settings, ingest_rate_project=None, ingest_rate_key="1/hour") as client:
        answers = [await client.post(EVENTS, content="no JSON", headers=key) for _ in range(BURST + 1)]
    assert [answer.status_code for answer in answers] == [400] * BURST + [429]


async def test_a_batch_counts_whole_for_its_key(settings: Settings, query: Query) -> None:
    project(query, "test")
    key = bearer(query)
    async with api(settings, ingest_rate_project=None, ingest_rate_key="1/hour") as client:
        assert await statuses(client, 1, key) == [202]
        batch = {"events": [guide_event()] * BURST}
        assert (await client.post(f"{EVENTS}/batch", json=batch, headers=key)).status_code == 429
        batch = {"events": [{}, *[guide_event()] * (BURST - 2)]}
        assert (await client.post(f"{EVENTS}/batch", json=batch, headers=key)).status_code == 202
        assert await statuses(client, 1, key) == [429]


async def test_a_batch_loses_only_the_part_of_the_project_that_is_over(
    small: httpx2.AsyncClient, query: Query
) -> None:
    key = bearer(query)
    assert await statuses(small, BURST - 1, key) == [202] * (BURST - 1)
    keys = ["test", "other", "test", "unknown"]
    batch = {"events": [guide_event(project_key=one) for one in keys]}
    answer = await small.post(f"{EVENTS}/batch", json=batch, headers=key)
    assert answer.status_code == 202
    assert [item["status"] for item in answer.json()["results"]] == [429, 202, 429, 403]
    [problem] = answer.json()["results"][0]["errors"]
    assert problem["field"] == "project_key"
    assert "is used up" in problem["message"]

    batch = {"events": [guide_event(), guide_event(), {"message": "no event"}]}
    refused = await small.post(f"{EVENTS}/batch", json=batch, headers=key)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


async def test_nobody_empties_the_bucket_of_a_project_that_is_not_theirs(
    small: httpx2.AsyncClient, query: Query
) -> None:
    mine = bearer(query, project_id=project(query, "mine"))
    assert await statuses(small, 2 * BURST, mine) == [403] * 2 * BURST
    assert await statuses(small, BURST, bearer(query)) == [202] * BURST


async def test_what_waited_in_the_buffer_is_not_counted_again(
    settings: Settings, query: Query, redis_url: str
) -> None:
    project(query, "test")
    bearer(query)
    query("UPDATE api_keys SET hash = %s", "a" * 64)
    deps = wiring.build(settings.model_copy(update=SMALL | {"ingest_rate_key": "1/hour"}))
    with counted_commands(redis_url) as commands:
        for number in range(3 * BURST):
            event = prepare(EventIn.model_validate(guide_event(event_id=str(number))), idempotency_key=None)
            await store_buffered(encode(BufferedEvent(event=event, key_hash="a" * 64, request_id="r")), deps)
    await deps.aclose()
    assert stored(query) == 3 * BURST
    assert "evalsha" not in commands


async def test_strangers_in_an_outage_do_not_empty_the_bucket_of_a_projects_own_senders(
    settings: Settings, query: Query, aws: FakeAws
) -> None:
    away = {
        "database_url": SecretStr("postgresql://127.0.0.1:9/rootnote"),
        "database_timeout": 1,
        "event_buffer_url": aws.queue_url("buffer"),
    }
    stranger = {"Authorization": f"Bearer {new_key()}"}
    async with api(settings, **away) as client:
        assert await statuses(client, BURST + 1, stranger) == [202] * BURST + [429]
    known = bearer(query, project_id=project(query, "test"))
    async with api(settings) as client:
        assert await statuses(client, BURST + 1, known) == [202] * BURST + [429]


async def test_a_forgotten_redis_begins_with_full_buckets(
    small: httpx2.AsyncClient, query: Query, redis_url: str
) -> None:
    """Valkey restarted without its data, or FLUSHALL: a burst more, and no error."""
    key = bearer(query)
    assert await statuses(small, BURST, key) == [202] * BURST
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        client.script_flush()
    assert await statuses(small, BURST + 1, key) == [202] * BURST + [429]
