"""Whatever breaks behind the API, an answer says nothing of what is there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import httpx2
import pytest
from pydantic import SecretStr

from core.aws.queue import MessageQueue
from core.errors import SecretUnavailable
from core.settings import Auth, Settings
from core.store.database import Connection, Database
from handlers import wiring
from handlers.app import create_app
from infra.local.process import free_port
from tests.fakes.secrets_and_queues import FakeAws
from tests.integration.conftest import Query
from tests.route_table.rules import RULES, Rule
from tests.route_table.world import World

T = TypeVar("T")

PASSWORD = "hunter2-in-a-url"
SECRET_ID = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:inner-name"
INNER = re.compile(
    r"""
    hunter2 | inner[-_]name | arn:aws | :0{12}:
    | 127\.0\.0\.1 | localhost | \b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b | :\d{4,5}\b | \.invalid\b
    | rootnote@ | //rootnote | \brole\b | \bpassword[ ]authentication
    | /work/ | /opt/ | /tmp/ | /usr/ | site-packages | \.py\b | Traceback | \bline[ ]\d
    | psycopg | redis\. | botocore | boto3 | starlette | uvicorn | fastapi | handlers\. | core\.
    | SELECT | INSERT | UPDATE[ ] | api_keys | error_events | relation[ ]" | base/\d
    | CPython | Python[/ ]\d | implementation= | PostgreSQL[ ]\d | python_info
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What to change before the app is made, and after."""

    settings: Callable[[Settings, FakeAws], dict[str, object]] = lambda settings, aws: {}
    deps: Callable[[wiring.Deps], wiring.Deps] = lambda deps: deps
    database: Callable[[Query], object] = lambda query: None
    statuses: frozenset[int] = frozenset({503})


class Broken(Database):
    """A bug, or an error of ours that callers are not meant to see."""

    def __init__(self, error: Exception) -> None:
        super().__init__("postgresql://127.0.0.1:9/none", pool_size=1, timeout=1)
        self._error = error

    async def autocommit(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        # Anew: the same one would collect the traces of all.
        raise type(self._error)(*self._error.args)


def broken(error: Exception) -> Callable[[wiring.Deps], wiring.Deps]:
    def change(deps: wiring.Deps) -> wiring.Deps:
        database = Broken(error)
        keys = deps.keys
        keys._database = database
        return replace(deps, database=database, keys=keys)

    return change


def disk_full(query: Query) -> None:
    """As PostgreSQL says it: its own class of error, and the path of the file."""
    query(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING"
        " ERRCODE = '53100', MESSAGE = 'could not extend file \"base/16384/2619\": No space left on device';"
        " END $$"
    )
    for table in ("error_events", "jobs", "projects", "api_keys"):
        query(
            f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON {table}"
            " EXECUTE FUNCTION full_disk()"
        )


def postgres_away(settings: Settings, aws: FakeAws) -> dict[str, object]:
    return {"database_url": SecretStr(f"postgresql://rootnote:{PASSWORD}@127.0.0.1:{free_port()}/inner_name")}


def another_role(settings: Settings, aws: FakeAws) -> dict[str, object]:
    url = settings.database_url.get_secret_value()
    return {"database_url": SecretStr(url.replace("//rootnote@", f"//inner_name:{PASSWORD}@"))}


def host_unknown(settings: Settings, aws: FakeAws) -> dict[str, object]:
    return {"database_url": SecretStr(f"postgresql://rootnote:{PASSWORD}@inner-name.invalid/x")}


def redis_away(settings: Settings, aws: FakeAws) -> dict[str, object]:
    return {"redis_url": SecretStr(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0")}


def redis_password(settings: Settings, aws: FakeAws) -> dict[str, object]:
    url = settings.redis_url.get_secret_value()
    return {"redis_url": SecretStr(url.replace("redis://", f"redis://:{PASSWORD}@"))}


def no_secrets(settings: Settings, aws: FakeAws) -> dict[str, object]:
    return {"database_secret": SECRET_ID, "redis_secret": SECRET_ID}


def buffer_away(settings: Settings, aws: FakeAws) -> dict[str, object]:
    aws.refuses = True
    return postgres_away(settings, aws) | {"event_buffer_url": aws.queue_url("inner-name")}


BUG = RuntimeError(f"postgresql://rootnote:{PASSWORD}@10.1.2.3:5432/x at /opt/app/handlers/x.py: SELECT 1")
FAULTS = {
    "nothing": Fault(),
    "a bug": Fault(deps=broken(BUG), statuses=frozenset({500})),
    "an error of ours": Fault(deps=broken(SecretUnavailable(SECRET_ID)), statuses=frozenset({500})),
    "PostgreSQL is away": Fault(settings=postgres_away),
    "PostgreSQL does not know us": Fault(settings=another_role),
    "PostgreSQL has no address": Fault(settings=host_unknown),
    "a table is gone": Fault(
        database=lambda query: query("DROP TABLE error_analysis, llm_calls, project_metadata CASCADE"),
        statuses=frozenset({500}),
    ),
    "its disk is full": Fault(database=disk_full),
    "Redis is away": Fault(settings=redis_away),
    "Redis does not know us": Fault(settings=redis_password),
    "no secret can be read": Fault(settings=no_secrets),
    "SQS is away too": Fault(settings=buffer_away),
}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    world.reset()
    yield world
    world.close()


@asynccontextmanager
async def app_with(fault: Fault, settings: Settings, aws: FakeAws) -> AsyncIterator[httpx2.AsyncClient]:
    changes = {"auth": Auth.REQUIRED, "database_timeout": 1, "redis_timeout": 1}
    built = wiring.build(settings.model_copy(update=changes | fault.settings(settings, aws)))
    transport = httpx2.ASGITransport(app=create_app(fault.deps(built)), raise_app_exceptions=False)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://api.example.com") as client:
            yield client
    finally:
        await built.aclose()


async def answer(http: httpx2.AsyncClient, rule: Rule, world: World) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {world.keys['all-admin']}"}
    return await http.request(rule.method, world.mine.path(rule), headers=headers, json=world.mine.body(rule))


@pytest.mark.parametrize("name", FAULTS)
async def test_no_answer_says_what_is_inside(
    settings: Settings, aws: FakeAws, world: World, query: Query, name: str
) -> None:
    fault = FAULTS[name]
    fault.database(query)
    statuses = set()
    async with app_with(fault, settings, aws) as http:
        # What deletes comes last.
        for rule in sorted(RULES, key=lambda rule: rule.method == "DELETE"):
            response = await answer(http, rule, world)
            statuses.add(response.status_code)
            told = "\n".join([*map(": ".join, response.headers.items()), response.text])
            if rule.path not in ("/docs", "/openapi.json"):
                found = INNER.search(told)
                assert found is None, f"{rule.name} says {found[0]!r}:\n{told}"
            if response.status_code >= 400 and rule.path != "/readyz":
                assert response.headers["content-type"] == "application/problem+json"
    assert fault.statuses <= statuses


def test_the_pattern_sees_what_it_is_for() -> None:
    for said in (str(BUG), SECRET_ID, 'File "/opt/x.py", line 3', "inner-name.invalid", "uvicorn"):
        assert INNER.search(said)


async def test_a_message_queue_that_refuses_is_not_named(aws: FakeAws) -> None:
    aws.refuses = True
    assert await MessageQueue(aws.queue_url("inner-name")).put(["x"]) == [False]
