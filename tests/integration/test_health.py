"""/healthz, /readyz and /metrics, with parts missing."""

from __future__ import annotations

import time

import httpx2
import pytest
import redis
from pydantic import SecretStr

from core.queue import names
from core.settings import Settings
from core.store import health
from handlers import wiring
from handlers.app import create_app
from infra.local.process import free_port
from tests.integration.conftest import Query, guide_event


async def checks(client: httpx2.AsyncClient) -> tuple[int, dict[str, bool]]:
    response = await client.get("/readyz")
    return response.status_code, {name: check["ok"] for name, check in response.json()["checks"].items()}


async def test_ready_when_every_part_shows_life(
    client: httpx2.AsyncClient, query: Query, redis_url: str
) -> None:
    status, found = await checks(client)
    assert status == 503
    down = {"sweeper": False, "worker": False, "beat": False}
    assert found == {"postgres": True, "migrations": True, "redis": True} | down
    query("INSERT INTO heartbeats (name) VALUES ('worker'), ('sweeper')")
    with redis.Redis.from_url(redis_url) as broker:
        broker.set(names.BEAT_TICK, time.time())
    status, found = await checks(client)
    assert (status, set(found.values())) == (200, {True})
    query("UPDATE heartbeats SET seen_at = now() - interval '1 h'")
    status, found = await checks(client)
    assert (status, found["worker"], found["sweeper"], found["beat"]) == (503, False, False, True)
    await client.post("/api/v1/events", json=guide_event())
    query("UPDATE jobs SET state = 'running', lease_until = now() + interval '9 s'")
    _, found = await checks(client)
    assert (found["worker"], found["sweeper"]) == (True, False)


async def test_a_database_without_our_tables_is_named(client: httpx2.AsyncClient, query: Query) -> None:
    query("DROP TABLE alembic_version")
    status, found = await checks(client)
    assert (status, found["postgres"], found["migrations"]) == (503, True, False)


@pytest.mark.parametrize(("revision", "is_well"), [("0001", False), (health.HEAD, True), ("9999", True)])
async def test_a_newer_schema_is_fine_and_an_older_one_is_not(
    client: httpx2.AsyncClient, query: Query, revision: str, is_well: bool
) -> None:
    query("UPDATE alembic_version SET version_num = %s", revision)
    _, found = await checks(client)
    assert found["migrations"] is is_well


async def test_parts_that_are_away(settings: Settings) -> None:
    nowhere = {
        "database_url": SecretStr(f"postgresql://rootnote:hunter2@127.0.0.1:{free_port()}/none"),
        "redis_url": SecretStr(f"redis://:hunter2@127.0.0.1:{free_port()}/0"),
        "database_timeout": 1.0,
    }
    deps = wiring.build(settings.model_copy(update=nowhere))
    transport = httpx2.ASGITransport(app=create_app(deps))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/healthz")).status_code == 200
        status, found = await checks(client)
        assert (status, set(found.values())) == (503, {False})
        response = await client.post("/api/v1/events", json=guide_event())
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert "hunter2" not in (await client.get("/readyz")).text + response.text
    await deps.aclose()


async def test_metrics_count_what_was_received(client: httpx2.AsyncClient) -> None:
    await client.post("/api/v1/events", json=guide_event())
    await client.post("/api/v1/events", json=guide_event(status_code=99))
    text = (await client.get("/metrics")).text
    assert 'rootnote_events_received_total{analysis="queued"}' in text
    assert 'rootnote_events_refused_total{status="422"}' in text
    assert "rootnote_ingest_duration_seconds_bucket" in text


async def test_the_request_id_is_the_clients_own_where_it_is_sane(client: httpx2.AsyncClient) -> None:
    sane = await client.get("/healthz", headers={"X-Request-ID": "abc-123"})
    odd = await client.get("/healthz", headers={"X-Request-ID": "a b\tc"})
    long = await client.get("/healthz", headers={"X-Request-ID": "x" * 65})
    assert sane.headers["x-request-id"] == "abc-123"
    assert odd.headers["x-request-id"] != "a b\tc"
    assert len(long.headers["x-request-id"]) < 65
