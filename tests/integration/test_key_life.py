"""Keys that end, are rotated, and are remembered for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import psycopg
import pytest
from starlette.requests import Request

from core.domain.access import Scope, hash_key, new_key
from core.domain.ids import new_id
from core.errors import Conflict, NotFound, StoreUnavailable, Unauthorized
from core.settings import Auth, Settings
from core.store import keys
from core.store.database import Database
from handlers import wiring
from handlers.app import create_app
from handlers.auth import KeyRing
from infra.local.postgres import PostgresServer
from tests.integration.conftest import Query

KEYS, EVENTS = "/api/v1/keys", "/api/v1/events"
ADMIN = new_key()
AS_ADMIN = {"Authorization": f"Bearer {ADMIN}"}


@pytest.fixture
async def http(settings: Settings, query: Query) -> AsyncIterator[httpx2.AsyncClient]:
    """Every key is looked up each time."""
    query("INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'admin')", uuid4(), hash_key(ADMIN))
    query("INSERT INTO projects (id, key) VALUES (%s, 'shop')", uuid4())
    deps = wiring.build(settings.model_copy(update={"auth": Auth.REQUIRED, "key_max_age": 0}))
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await deps.aclose()


async def make(http: httpx2.AsyncClient, **fields: object) -> dict[str, Any]:
    response = await http.post(KEYS, json={"scope": "read"} | fields, headers=AS_ADMIN)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def works(http: httpx2.AsyncClient, key: str) -> bool:
    return (await http.get(EVENTS, headers={"X-API-Key": key})).status_code == 200


async def rotate(http: httpx2.AsyncClient, key_id: object, **query: Any) -> httpx2.Response:
    return await http.post(f"{KEYS}/{key_id}/rotate", params=query, headers=AS_ADMIN)


async def test_both_work_until_the_old_one_ends(http: httpx2.AsyncClient, query: Query) -> None:
    old = await make(http, project_key="shop", name="web", scope="write")
    response = await rotate(http, old["id"], overlap_seconds=3_600)
    assert response.status_code == 201, response.text
    new = response.json()
    assert await works(http, old["key"])
    assert await works(http, new["key"])
    left = datetime.fromisoformat(new["old_ends_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)

    listed = {key["id"]: key for key in (await http.get(KEYS, headers=AS_ADMIN)).json()}
    same = ("scope", "project_key", "name")
    assert [listed[new["id"]][name] for name in same] == ["write", "shop", "web"]
    assert (listed[old["id"]]["replaced_by"], listed[new["id"]]["expires_at"]) == (new["id"], None)

    query("UPDATE api_keys SET expires_at = now() WHERE id = %s", UUID(old["id"]))
    assert not await works(http, old["key"])
    assert await works(http, new["key"])


async def test_a_leaked_key_is_rotated_at_once(http: httpx2.AsyncClient) -> None:
    old = await make(http)
    new = (await rotate(http, old["id"], overlap_seconds=0)).json()
    assert (await works(http, old["key"]), await works(http, new["key"])) == (False, True)


async def test_only_a_valid_key_is_rotated_and_only_once(http: httpx2.AsyncClient) -> None:
    old = await make(http)
    answers = await asyncio.gather(*(rotate(http, old["id"]) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len((await http.get(KEYS, headers=AS_ADMIN)).json()) == 3
    revoked = await make(http)
    await http.delete(f"{KEYS}/{revoked['id']}", headers=AS_ADMIN)
    for key_id in (revoked["id"], uuid4()):
        assert (await rotate(http, key_id)).status_code == 404


async def test_a_key_for_a_time_is_followed_by_one_for_as_long(http: httpx2.AsyncClient) -> None:
    ends = datetime.now(UTC) + timedelta(days=90)
    old = await make(http, expires_at=ends.isoformat())
    same = (await rotate(http, old["id"])).json()
    assert timedelta(days=89, hours=23) < await left(http, same["id"]) <= timedelta(days=90)
    sooner = datetime.now(UTC) + timedelta(days=7)
    other = (await rotate(http, same["id"], expires_at=sooner.isoformat())).json()
    assert timedelta(days=6, hours=23) < await left(http, other["id"]) <= timedelta(days=7)


async def left(http: httpx2.AsyncClient, key_id: str) -> timedelta:
    listed = {key["id"]: key for key in (await http.get(KEYS, headers=AS_ADMIN)).json()}
    return datetime.fromisoformat(listed[key_id]["expires_at"]) - datetime.now(UTC)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"overlap_seconds": -1}, "overlap_seconds"),
        ({"overlap_seconds": 10**9}, "overlap_seconds"),
    ],
)
async def test_an_end_that_is_none_is_refused(
    http: httpx2.AsyncClient, query: Query, fields: dict[str, Any], wrong: str
) -> None:
    old = await make(http)
    before = query("SELECT * FROM api_keys ORDER BY id")
    answers = [await rotate(http, old["id"], **fields)]
    if wrong == "expires_at":
        answers.append(await http.post(KEYS, json={"scope": "read"} | fields, headers=AS_ADMIN))
    for answer in answers:
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == wrong
    assert query("SELECT * FROM api_keys ORDER BY id") == before


async def test_a_rotation_whose_answer_was_lost_is_done_once(database: Database, query: Query) -> None:
    old, new = new_id(), new_id()
    query("INSERT INTO api_keys (id, hash, scope) VALUES (%s, 'a', 'read')", old)

    async def replace(new_id: UUID) -> datetime:
        return await database.serial(
            lambda c: keys.replace(
                c, old, new_id=new_id, new_hash=new_id.hex, expires_at=None, overlap=timedelta()
            )
        )

    assert await replace(new) == await replace(new)
    assert query("SELECT count(*) AS n FROM api_keys") == [{"n": 2}]
    with pytest.raises(Conflict):
        await replace(uuid4())
    query("UPDATE api_keys SET revoked_at = now(), replaced_by = NULL WHERE id = %s", old)
    with pytest.raises(NotFound):
        await replace(uuid4())


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def asking(key: str) -> Request:
    return Request({"type": "http", "headers": [(b"x-api-key", key.encode())], "client": ("203.0.113.7", 1)})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(database: Database, clock: Clock) -> KeyRing:
    return KeyRing(database, auth=Auth.REQUIRED, dev_token=None, max_age=30, clock=clock)


@pytest.fixture
def shut(postgres: PostgresServer, database_url: str) -> Callable[[], None]:
    """PostgreSQL takes no connection to the test's database from then on."""
    name = database_url.rpartition("/")[2]

    def now() -> None:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )

    return now


def store(query: Query, key: str, ends: datetime | None = None) -> None:
    query(
        "INSERT INTO api_keys (id, hash, scope, expires_at) VALUES (%s, %s, 'read', %s)",
        uuid4(),
        hash_key(key),
        ends,
    )


async def test_a_key_is_looked_up_again_after_its_age(ring: KeyRing, clock: Clock, query: Query) -> None:
    key = new_key()
    with pytest.raises(Unauthorized):
        await ring.caller(asking(key), Scope.READ)
    store(query, key)
    clock.now += 29
    with pytest.raises(Unauthorized):
        await ring.caller(asking(key), Scope.READ)
    clock.now += 2
    await ring.caller(asking(key), Scope.READ)
    query("UPDATE api_keys SET revoked_at = now()")
    clock.now += 29
    await ring.caller(asking(key), Scope.READ)
    clock.now += 2
    with pytest.raises(Unauthorized):
        await ring.caller(asking(key), Scope.READ)


async def test_what_was_known_counts_in_an_outage(
    ring: KeyRing, clock: Clock, query: Query, shut: Callable[[], None]
) -> None:
    """Old keys have no checksum: they are let in where they are remembered, however long ago."""
    old, unseen, ending, refused = (f"rn_{letter * 43}" for letter in "abcd")
    store(query, old)
    store(query, unseen)
    store(query, ending, datetime.now(UTC) + timedelta(hours=1))
    for key in (old, ending):
        await ring.caller(asking(key), Scope.READ)
    with pytest.raises(Unauthorized):
        await ring.caller(asking(refused), Scope.READ)
    shut()
    clock.now += 3_500
    for key in (old, ending):
        admitted = await ring.admit(asking(key), Scope.INGEST, unjudged=True)
        assert (admitted.is_judged, admitted.caller is not None) == (False, True)
    made_up = await ring.admit(asking(new_key()), Scope.INGEST, unjudged=True)
    assert (made_up.is_judged, made_up.caller) == (False, None)
    with pytest.raises(StoreUnavailable):
        await ring.admit(asking(unseen), Scope.INGEST, unjudged=True)
    clock.now += 200
    for key in (ending, refused):
        with pytest.raises(Unauthorized):
            await ring.admit(asking(key), Scope.INGEST, unjudged=True)


async def test_a_flood_of_wrong_keys_makes_no_good_one_forgotten(
    ring: KeyRing, query: Query, shut: Callable[[], None]
) -> None:
    good = new_key()
    store(query, good)
    await ring.caller(asking(good), Scope.READ)
    for number in range(10_000):
        ring._remember(str(number), None)
    assert len(ring._refused) < 5_000
    shut()
    assert (await ring.caller(asking(good), Scope.READ)).scope is Scope.READ


async def test_a_wrong_checksum_costs_no_query(ring: KeyRing, shut: Callable[[], None]) -> None:
    shut()
    key = new_key()
    with pytest.raises(Unauthorized):
        await ring.caller(asking(key[:-1] + ("0" if key[-1] != "0" else "1")), Scope.READ)
    with pytest.raises(StoreUnavailable):
        await ring.caller(asking(key), Scope.READ)
