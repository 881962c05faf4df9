"""Projects and keys with rates of their own: who sets them, and when they count."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import httpx2
import pytest

from core.settings import Settings
from handlers import wiring
from handlers.auth import KeyRing
from handlers.projects import ProjectDirectory
from tests.integration.conftest import Query, guide_event
from tests.integration.quotas import BURST, EVENTS, SMALL, bearer, project, serving


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(settings: Settings, clock: Clock) -> AsyncIterator[httpx2.AsyncClient]:
    """What it remembers of keys and projects goes by `clock`."""
    deps = wiring.build(settings.model_copy(update=SMALL | {"ingest_rate_key": "6/hour"}))
    remembers = replace(
        deps,
        projects=ProjectDirectory(deps.database, clock=clock),
        keys=KeyRing(deps.database, auth=deps.settings.auth, dev_token=None, max_age=30, clock=clock),
    )
    async with serving(remembers) as client:
        yield client
    await deps.aclose()


async def accepted(client: httpx2.AsyncClient, headers: dict[str, str], tries: int = 4 * BURST) -> int:
    answers = [await client.post(EVENTS, json=guide_event(), headers=headers) for _ in range(tries)]
    assert {answer.status_code for answer in answers} <= {202, 429}
    return sum(answer.status_code == 202 for answer in answers)


async def test_a_projects_own_rate_counts_within_half_a_minute(
    client: httpx2.AsyncClient, query: Query, clock: Clock
) -> None:
    project_id = project(query, "test")
    admin, keys = bearer(query, scope="admin"), [bearer(query, rate=60_000) for _ in range(3)]
    assert await accepted(client, keys[0]) == BURST
    answer = await client.put(
        f"/api/projects/{project_id}", json={"key": "test", "ingest_rate": 60_000}, headers=admin
    )
    assert (answer.status_code, answer.json()["ingest_rate"]) == (200, 60_000)
    assert await accepted(client, keys[1]) == 0
    clock.now += 31
    assert await accepted(client, keys[2]) == 4 * BURST


async def test_a_keys_own_rate_counts_within_half_a_minute(
    client: httpx2.AsyncClient, query: Query, clock: Clock
) -> None:
    project(query, "test", rate=60_000)
    key = bearer(query)
    assert await accepted(client, key) == BURST
    query("UPDATE api_keys SET ingest_rate = 60000")
    assert await accepted(client, key) == 0
    clock.now += 31
    assert await accepted(client, key) == 4 * BURST


async def test_a_project_does_not_raise_its_own_rate(client: httpx2.AsyncClient, query: Query) -> None:
    project_id = project(query, "test", rate=120)
    path = f"/api/projects/{project_id}"
    own = [bearer(query, scope=scope, project_id=project_id) for scope in ("write", "admin")]
    for headers in [*own, bearer(query, scope="write")]:
        raised = {"key": "test", "ingest_rate": 1_000}
        refused = await client.put(path, json=raised, headers=headers)
        assert refused.status_code == 403
        assert "ingest_rate" in refused.json()["detail"]
        kept = await client.put(path, json={"key": "test"}, headers=headers)
        assert (kept.status_code, kept.json()["ingest_rate"]) == (200, 120)
    cleared = await client.put(path, json={"key": "test"}, headers=bearer(query, scope="admin"))
    assert cleared.json()["ingest_rate"] is None


@pytest.mark.parametrize("rate", [0, -1, 60_000_001, 1.5, "many"])
async def test_rates_that_are_none_are_named(client: httpx2.AsyncClient, query: Query, rate: object) -> None:
    admin = bearer(query, scope="admin")
    for method, path, body in [
        ("PUT", f"/api/projects/{uuid4()}", {"ingest_rate": rate}),
        ("POST", "/api/v1/keys", {"scope": "ingest", "ingest_rate": rate}),
    ]:
        answer = await client.request(method, path, json=body, headers=admin)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "ingest_rate"


async def test_keys_are_made_and_shown_with_their_rate(client: httpx2.AsyncClient, query: Query) -> None:
    admin = bearer(query, scope="admin")
    wanted = {"scope": "ingest", "ingest_rate": 90}
    made = (await client.post("/api/v1/keys", json=wanted, headers=admin)).json()
    shown = {
        key["id"]: key["ingest_rate"] for key in (await client.get("/api/v1/keys", headers=admin)).json()
    }
    assert shown.pop(made["id"]) == 90
    assert list(shown.values()) == [None]
