"""Who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest

from core.domain.access import Scope, hash_key, new_key
from core.domain.ids import new_id
from core.settings import Auth, Settings
from core.store import keys
from core.store.addressed import Addressed
from core.store.database import Database
from handlers import wiring
from handlers.app import create_app
from tests.integration.conftest import DEV_TOKEN, Query, guide_event

EVENTS = "/api/v1/events"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
async def closed(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """The app as it is deployed: AUTH=required."""
    deps = wiring.build(settings.model_copy(update={"auth": Auth.REQUIRED}))
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await deps.aclose()


@pytest.fixture
def project(query: Query) -> UUID:
    project_id = new_id()
    query("INSERT INTO projects (id, key) VALUES (%s, 'test'), (%s, 'other')", project_id, new_id())
    return project_id


async def make_key(database: Database, scope: Scope, project_id: UUID | None = None) -> tuple[UUID, str]:
    key_id, key = new_id(), new_key()
    await database.autocommit(
        lambda c: keys.add(
            c, key_id=key_id, key_hash=hash_key(key), scope=scope, project_id=project_id, name=""
        )
    )
    return key_id, key


async def test_nothing_but_health_without_a_key(closed: httpx2.AsyncClient) -> None:
    assert (await closed.get("/healthz")).status_code == 200
    for method, path in [("POST", EVENTS), ("GET", EVENTS), ("GET", "/api/v1/groups")]:
        for headers in ({}, bearer("rn_wrong"), {"Authorization": "Basic eDp5"}, bearer(DEV_TOKEN)):
            response = await closed.request(method, path, headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("scope", "ingest", "read", "write"),
    [
        (Scope.INGEST, 202, 403, 403),
        (Scope.READ, 202, 200, 403),
        (Scope.WRITE, 202, 200, 404),
        (Scope.ADMIN, 202, 200, 404),
    ],
)
async def test_scopes(
    closed: httpx2.AsyncClient,
    database: Database,
    project: UUID,
    scope: Scope,
    ingest: int,
    read: int,
    write: int,
) -> None:
    _, key = await make_key(database, scope, project)
    analyse = f"/api/v1/groups/{new_id()}/analyse/"
    assert (await closed.post(EVENTS, json=guide_event(), headers=bearer(key))).status_code == ingest
    assert (await closed.get(EVENTS, headers={"X-API-Key": key})).status_code == read
    assert (await closed.post(analyse, headers=bearer(key))).status_code == write


async def test_a_key_sees_its_own_project_only(
    closed: httpx2.AsyncClient, database: Database, project: UUID
) -> None:
    _, everyones = await make_key(database, Scope.ADMIN)
    _, key = await make_key(database, Scope.ADMIN, project)
    mine = await closed.post(EVENTS, json=guide_event(), headers=bearer(key))
    theirs = await closed.post(EVENTS, json=guide_event(project_key="other"), headers=bearer(everyones))
    refused = await closed.post(EVENTS, json=guide_event(project_key="other"), headers=bearer(key))
    assert (mine.status_code, theirs.status_code, refused.status_code) == (202, 202, 403)
    assert len((await closed.get(EVENTS, headers=bearer(everyones))).json()["items"]) == 2
    assert len((await closed.get(EVENTS, headers=bearer(key))).json()["items"]) == 1
    assert len((await closed.get("/api/v1/groups", headers=bearer(key))).json()["items"]) == 1
    for path in (
        f"{EVENTS}/{theirs.json()['id']}",
        f"/api/v1/groups/{theirs.json()['group_id']}",
    ):
        assert (await closed.get(path, headers=bearer(key))).status_code == 404
        assert (await closed.get(path, headers=bearer(everyones))).status_code == 200
    filtered = await closed.get(f"{EVENTS}?project_key=other", headers=bearer(key))
    assert filtered.status_code == 403


async def test_an_unknown_project_is_refused_where_keys_are_required(
    closed: httpx2.AsyncClient, database: Database, query: Query
) -> None:
    _, key = await make_key(database, Scope.INGEST)
    response = await closed.post(EVENTS, json=guide_event(), headers=bearer(key))
    assert response.status_code == 403
    batch = {"events": [guide_event(), guide_event(status_code=99)]}
    answer = (await closed.post(f"{EVENTS}/batch", json=batch, headers=bearer(key))).json()
    assert [item["status"] for item in answer["results"]] == [403, 422]
    assert answer["results"][0]["errors"][0]["field"] == "project_key"
    assert query("SELECT 1 FROM projects") == []


async def test_a_revoked_key_is_unknown(closed: httpx2.AsyncClient, database: Database) -> None:
    key_id, key = await make_key(database, Scope.ADMIN)
    assert await database.autocommit(lambda c: keys.revoke(c, key_id))
    assert not await database.autocommit(lambda c: keys.revoke(c, key_id))
    assert (await closed.get(EVENTS, headers=bearer(key))).status_code == 401


async def test_keys_are_stored_as_hashes_only(database: Database, query: Query) -> None:
    _, key = await make_key(database, Scope.READ)
    [row] = query("SELECT api_keys::text AS row FROM api_keys")
    assert key not in row["row"]


async def test_auth_off_is_open_to_this_machine_alone(client: httpx2.AsyncClient, deps: wiring.Deps) -> None:
    assert (await client.get(EVENTS)).status_code == 200
    assert (await client.get(EVENTS, headers=bearer("rn_wrong"))).status_code == 401
    assert (await client.get(EVENTS, headers=bearer(DEV_TOKEN))).status_code == 200
    far = httpx2.ASGITransport(app=create_app(replace(deps)), client=("203.0.113.7", 1))
    async with httpx2.AsyncClient(transport=far, base_url="http://localhost") as stranger:
        assert (await stranger.post(EVENTS, json=guide_event())).status_code == 403
        assert (await stranger.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_auth_off_is_closed_to_web_pages_from_elsewhere(
    client: httpx2.AsyncClient, query: Query, headers: dict[str, str]
) -> None:
    assert (await client.post(EVENTS, json=guide_event(), headers=headers)).status_code == 403
    assert (await client.get(EVENTS, headers=headers)).status_code == 403
    assert query("SELECT 1 FROM error_events") == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://localhost:3000"}, {"Host": "127.0.0.1:8000"}, {"Host": "[::1]:8000"}]
)
async def test_auth_off_is_open_to_pages_of_this_machine(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await client.post(EVENTS, json=guide_event(), headers=headers)).status_code == 202


async def test_a_full_directory_forgets_no_project_that_is_asked_for(
    deps: wiring.Deps, client: httpx2.AsyncClient
) -> None:
    await client.post(EVENTS, json=guide_event(project_key="p1"))
    for number in range(10_000):
        deps.projects.remember({f"filler-{number}": Addressed(id=new_id(), ingest_rate=None)})
    batch = {"events": [guide_event(project_key=key) for key in ("p1", "brand-new")]}
    answer = (await client.post(f"{EVENTS}/batch", json=batch)).json()
    assert [item["status"] for item in answer["results"]] == [202, 202]
