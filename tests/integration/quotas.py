"""What the tests of quotas share: an app with small buckets that hardly fill while a test runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx2
import redis

from core.domain.access import hash_key, new_key
from core.settings import Auth, Settings
from handlers import wiring
from handlers.app import create_app
from tests.integration.conftest import Query

EVENTS = "/api/v1/events"
BURST = 5
SMALL = {
    "auth": Auth.REQUIRED,
    "dev_token": None,
    "max_batch_events": BURST,
    "ingest_burst_seconds": 1,
    "ingest_rate_project": "6/hour",
    "ingest_rate_key": None,
}


@asynccontextmanager
async def serving(deps: wiring.Deps) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@asynccontextmanager
async def api(settings: Settings, **changes: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """The app with SMALL quotas, and these changes."""
    deps = wiring.build(settings.model_copy(update=SMALL | changes))
    try:
        async with serving(deps) as client:
            yield client
    finally:
        await deps.aclose()


def project(query: Query, key: str, **fields: object) -> UUID:
    id_ = uuid4()
    query("INSERT INTO projects (id, key, ingest_rate) VALUES (%s, %s, %s)", id_, key, fields.get("rate"))
    return id_


def bearer(
    query: Query, *, scope: str = "ingest", project_id: UUID | None = None, rate: int | None = None
) -> dict[str, str]:
    """The header with a new key."""
    key = new_key()
    query(
        "INSERT INTO api_keys (id, hash, scope, project_id, ingest_rate) VALUES (%s, %s, %s, %s, %s)",
        uuid4(),
        hash_key(key),
        scope,
        project_id,
        rate,
    )
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def counted_commands(redis_url: str) -> Iterator[dict[str, int]]:
    """Commands that Redis ran inside, by name, but for those that count them."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_resetstat()
        counts: dict[str, int] = {}
        yield counts
        stats = client.info("commandstats")
    found = {name.removeprefix("cmdstat_"): int(one["calls"]) for name, one in stats.items()}
    counts |= {name: calls for name, calls in found.items() if not name.startswith(("config", "client"))}
