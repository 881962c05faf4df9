"""What a key for one project reaches of another's, by the ways around the path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from core.domain.access import Caller, Scope
from core.domain.ids import new_id
from core.settings import Auth, Settings
from core.store.database import Database
from handlers import wiring
from handlers.app import create_app
from handlers.projects import ProjectDirectory
from tests.integration.conftest import guide_event
from tests.route_table.rules import Target
from tests.route_table.world import World

EVENTS, PROJECTS = "/api/v1/events", "/api/projects"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    world.reset()
    yield world
    world.close()


@pytest.fixture
async def http(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    deps = wiring.build(settings.model_copy(update={"auth": Auth.REQUIRED}))
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await deps.aclose()


def by(world: World, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.keys[name]}"}


async def get(http: httpx2.AsyncClient, world: World, name: str, path: str, **query: Any) -> Any:
    response = await http.get(path, params=query, headers=by(world, name))
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("path", [EVENTS, "/api/v1/groups", "/api/v1/jobs", PROJECTS])
async def test_a_cursor_of_all_projects_shows_a_project_its_own_only(
    http: httpx2.AsyncClient, world: World, path: str
) -> None:
    page = await get(http, world, "all-read", path, limit=1)
    assert page["next_cursor"] is not None
    seen = []
    for cursor in (None, page["next_cursor"]):
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        seen += (await get(http, world, "theirs-read", path, **query))["items"]
    own = {str(id_) for id_ in world.theirs.ids.values()}
    assert {item["id"] for item in seen} <= own


async def test_anothers_group_is_as_empty_as_nobodys(http: httpx2.AsyncClient, world: World) -> None:
    for tenant in (world.mine, world.nobodys):
        page = await get(http, world, "theirs-read", EVENTS, group_id=str(tenant.ids[Target.GROUP]))
        assert page == {"items": [], "next_cursor": None}


async def test_an_idempotency_key_is_a_projects_own(http: httpx2.AsyncClient, world: World) -> None:
    answers = [
        await http.post(
            EVENTS,
            json=guide_event(project_key=name, event_id="same"),
            headers=by(world, f"{name}-ingest") | {"Idempotency-Key": "same"},
        )
        for name in ("mine", "theirs")
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_of_a_mixed_batch_each_project_is_judged_alone(http: httpx2.AsyncClient, world: World) -> None:
    events = [guide_event(project_key=key) for key in ("theirs", "mine", "nobodys", "theirs")]
    response = await http.post(f"{EVENTS}/batch", json={"events": events}, headers=by(world, "theirs-ingest"))
    results = response.json()["results"]
    assert [item["status"] for item in results] == [202, 403, 403, 202]
    assert results[1]["errors"][0]["message"].replace("mine", "nobodys") == results[2]["errors"][0]["message"]
    assert len((await get(http, world, "mine-read", EVENTS))["items"]) == 1


async def test_a_bound_key_can_neither_take_anothers_key_nor_ask_whether_it_is_taken(
    http: httpx2.AsyncClient, world: World
) -> None:
    """The same answer for a key that another project has and for one that nobody has."""
    before = world.state()
    path = world.theirs.ids[Target.PROJECT]
    answers = [
        await http.put(f"{PROJECTS}/{path}", json={"key": key}, headers=by(world, "theirs-write"))
        for key in ("mine", "nobodys")
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert world.state() == before


async def test_other_spellings_of_an_id_are_that_id(http: httpx2.AsyncClient, world: World) -> None:
    id_ = str(world.mine.ids[Target.EVENT])
    spellings = [
        id_.upper(),
        id_.replace("-", ""),
        f"{{{id_}}}",
        f"urn:uuid:{id_}",
        f"%{ord(id_[0]):x}{id_[1:]}",
    ]
    for spelling in spellings:
        for name, status in (("mine-read", 200), ("theirs-read", 404)):
            response = await http.get(f"{EVENTS}/{spelling}", headers=by(world, name))
            assert response.status_code == status, spelling


@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/events",
        "/healthz/../api/v1/events",
        "/healthz/%2e%2e/api/v1/events",
        "/healthz;/../api/v1/events",
        "/API/V1/EVENTS",
        "/api/v1/events%2F",
        "/api/v1/events%00",
        "/api/v1/events;jsessionid=1",
        "/api/v1/events/?",
        "/live/api/v1/events",
    ],
)
async def test_no_way_of_writing_a_path_needs_no_key(http: httpx2.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code in (401, 404)


async def test_of_another_project_nothing_is_asked() -> None:
    """How long an answer takes must not tell whether it exists: without a database there is one, too."""
    directory = ProjectDirectory(Database("postgresql://127.0.0.1:9/none", pool_size=1, timeout=1))
    bound = Caller(scope=Scope.INGEST, project_id=new_id(), project_key="mine")
    assert await directory.resolve(["theirs", "nobodys"], bound) == {}
