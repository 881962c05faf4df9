"""Every route by every kind of key, as declared in `tests.route_table`: nothing else, and nothing changes."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
import redis
from fastapi.routing import iter_route_contexts

from core.domain.access import Scope, hash_key, new_key
from core.settings import Auth, Settings
from handlers import wiring
from handlers.app import create_app
from tests.conftest import ROOT
from tests.route_table.markdown import table, within
from tests.route_table.rules import BY_NAME, RULES, Rule, Tenancy
from tests.route_table.world import Tenant, World

Headers = list[tuple[bytes, bytes]]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE")
PAGE = ROOT / "docs" / "reliability.md"

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
each_guarded = pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.scope is not None], ids=lambda rule: rule.name
)


@pytest.fixture
async def http(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """Asks from another machine."""
    deps = wiring.build(settings.model_copy(update={"auth": Auth.REQUIRED}))
    transport = httpx2.ASGITransport(
        app=create_app(deps), raise_app_exceptions=False, client=("203.0.113.7", 1)
    )
    async with httpx2.AsyncClient(transport=transport, base_url="https://api.example.com") as client:
        yield client
    await deps.aclose()


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    world.reset()
    yield world
    world.close()


@pytest.fixture
def broker(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def bearer(key: str | bytes) -> Headers:
    return [(b"authorization", b"Bearer " + (key.encode() if isinstance(key, str) else key))]


async def ask(
    http: httpx2.AsyncClient,
    rule: Rule,
    tenant: Tenant,
    headers: Headers,
    *,
    slash: bool = False,
    query: str = "",
) -> httpx2.Response:
    path = tenant.path(rule) + ("/" if slash else "") + query
    return await http.request(rule.method, path, headers=headers, json=tenant.body(rule))


def check_problem(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in response.headers) == (status == 401)
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


def without_key(world: World) -> dict[str, Headers]:
    """What is no valid key, by a name for it."""
    right = world.keys["all-admin"]
    return {
        "no key": [],
        "unknown": bearer(new_key()),
        "unknown, of the old form": bearer("rn_" + "A" * 43),
        "wrong checksum": bearer(right[:-1] + ("0" if right[-1] != "0" else "1")),
        "too long": bearer(right + "0"),
        "too short": bearer(right[:-1]),
        "other letter case": bearer(right.lower()),
        "its hash": bearer(hash_key(right)),
        "two": bearer(f"{right} {right}"),
        "basic": [(b"authorization", b"Basic " + right.encode())],
        "no scheme": [(b"authorization", right.encode())],
        "scheme only": [(b"authorization", b"Bearer")],
        "nothing after the scheme": [(b"authorization", b"Bearer  ")],
        "empty": [(b"authorization", b"")],
        "empty other header": [(b"x-api-key", b"")],
        "huge": bearer("rn_" + "A" * 60_000),
        "not ASCII": bearer("rn_ключ".encode()),
        "not UTF-8": bearer(b"rn_\xff\xfe"),
        "NUL": bearer(right.encode() + b"\0"),
        "wrong one first": [*bearer(new_key()), *bearer(right)],
        "wrong one beside the right one": [*bearer(new_key()), (b"x-api-key", right.encode())],
        "cookie": [(b"cookie", f"key={right}; authorization=Bearer {right}".encode())],
        "as if from here": [
            (b"x-forwarded-for", b"127.0.0.1"),
            (b"x-forwarded-host", b"localhost"),
            (b"x-real-ip", b"127.0.0.1"),
            (b"forwarded", b"for=127.0.0.1;host=localhost"),
            (b"x-original-url", b"/healthz"),
            (b"x-rewrite-url", b"/healthz"),
            (b"host", b"localhost"),
        ],
        **{name: bearer(key) for name, key in world.keys.items() if name.startswith(("revoked", "expired"))},
    }


def test_every_route_has_a_rule_and_every_rule_a_route(http: httpx2.AsyncClient) -> None:
    app = http._transport.app  # type: ignore[attr-defined]
    # Those that the document leaves out, too.
    routed = {
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        for method in set(route.methods or ()) - {"HEAD"}
    }
    assert routed == set(BY_NAME)
    documented = {
        f"{method.upper()} {path}"
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    assert documented <= set(BY_NAME)
    assert set(BY_NAME) - documented == {"GET /docs", "GET /openapi.json", "GET /metrics"}


def test_the_document_says_who_is_asked_for_a_key(http: httpx2.AsyncClient) -> None:
    document = http._transport.app.openapi()  # type: ignore[attr-defined]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            rule = BY_NAME[f"{method.upper()} {path}"]
            assert ("security" in operation) == (rule.scope is not None), rule.name


@each_guarded
async def test_without_a_valid_key_nothing_is_told_and_nothing_changes(
    http: httpx2.AsyncClient, world: World, broker: redis.Redis, rule: Rule
) -> None:
    before, told = world.state(), set()
    for name, headers in without_key(world).items():
        for tenant in (world.mine, world.nobodys):
            for slash in (False, True):
                response = await ask(http, rule, tenant, headers, slash=slash)
                problem = check_problem(response, 401)
                told.add(json.dumps(problem | {"request_id": ""}))
        assert world.state() == before, name
    # Which of the three wrong forms it has, and never whether something is there.
    assert len(told) <= 3
    assert broker.dbsize() == 0


@each_guarded
async def test_in_the_query_a_key_is_none(http: httpx2.AsyncClient, world: World, rule: Rule) -> None:
    right = world.keys["all-admin"]
    query = f"?key={right}&api_key={right}&access_token={right}&authorization=Bearer%20{right}"
    check_problem(await ask(http, rule, world.mine, [], query=query), 401)


@each_guarded
async def test_a_narrower_key_is_refused(
    http: httpx2.AsyncClient, world: World, broker: redis.Redis, rule: Rule
) -> None:
    assert rule.scope is not None
    before = world.state()
    for scope in rule.scope.narrower:
        for whose in ("mine", "theirs", "all"):
            for tenant in (world.mine, world.nobodys):
                headers = bearer(world.keys[f"{whose}-{scope}"])
                problem = check_problem(await ask(http, rule, tenant, headers), 403)
                assert problem["detail"] == f"this needs a key with scope {rule.scope}; yours has {scope}"
    assert world.state() == before
    assert broker.dbsize() == 0


@each_rule
async def test_the_right_key_is_served(http: httpx2.AsyncClient, world: World, rule: Rule) -> None:
    needed = rule.scope or Scope.INGEST
    whose = ("all",) if rule.tenancy is Tenancy.OPERATORS else ("mine", "all")
    for scope in [scope for scope in Scope if scope.covers(needed)]:
        for name in whose:
            key = world.keys[f"{name}-{scope}"]
            for slash, headers in ((False, bearer(key)), (True, [(b"x-api-key", key.encode())])):
                world.reset()
                response = await ask(http, rule, world.mine, headers, slash=slash)
                assert response.status_code == rule.answer, (scope, name, response.text)
                assert key not in response.text


@pytest.mark.parametrize("rule", [r for r in RULES if r.scope is None], ids=lambda rule: rule.name)
async def test_what_is_open_is_open_whatever_is_sent(
    http: httpx2.AsyncClient, world: World, rule: Rule
) -> None:
    before = world.state()
    for name, headers in without_key(world).items():
        for slash in (False, True):
            response = await ask(http, rule, world.mine, headers, slash=slash)
            assert response.status_code == rule.answer, name
    assert world.state() == before


@each_guarded
async def test_another_projects_key_cannot_tell_what_is_there(
    http: httpx2.AsyncClient, world: World, broker: redis.Redis, rule: Rule
) -> None:
    """The same status, headers and words for another's and for nobody's; nothing of another's in a list."""
    before = world.state()
    for scope in [scope for scope in Scope if rule.scope is not None and scope.covers(rule.scope)]:
        headers = bearer(world.keys[f"theirs-{scope}"])
        for slash in (False, True):
            if rule.tenancy in (Tenancy.OWN_ONLY, Tenancy.OWN_WITHOUT_ASKING):
                await _shows_own_only(http, rule, world, headers, slash=slash)
                continue
            answers = [
                await ask(http, rule, tenant, headers, slash=slash) for tenant in (world.mine, world.nobodys)
            ]
            assert len({_told(answer, world) for answer in answers}) == 1, [a.text for a in answers]
            if rule.tenancy is Tenancy.EACH:
                assert [item["status"] for item in answers[0].json()["results"]] == [403]
            else:
                check_problem(answers[0], 404 if rule.tenancy is Tenancy.HIDDEN else 403)
    if rule.method == "GET" or rule.tenancy is not Tenancy.OWN_WITHOUT_ASKING:
        assert world.state() == before
        # Nothing was sent; the sender's own quota may count it, nobody else's.
        left = set(broker.scan_iter())
        assert not [key for key in left if broker.type(key) == b"list" or b"mine" in key]


def _told(response: httpx2.Response, world: World) -> str:
    text = world.nobodys.hide(world.mine.hide(response.text)).replace(response.headers["x-request-id"], "")
    headers = sorted(
        (name, value)
        for name, value in response.headers.items()
        if name not in ("x-request-id", "content-length")
    )
    return f"{response.status_code} {headers} {text}"


async def _shows_own_only(
    http: httpx2.AsyncClient, rule: Rule, world: World, headers: Headers, *, slash: bool
) -> None:
    response = await ask(http, rule, world.theirs, headers, slash=slash)
    assert response.status_code == rule.answer
    assert world.mine.hide(response.text) == response.text
    if rule.method == "GET":
        assert world.theirs.hide(response.text) != response.text
    if rule.tenancy is Tenancy.OWN_ONLY:
        answers = [
            await ask(http, rule, tenant, headers, slash=slash, query=f"?project_key={tenant.project_key}")
            for tenant in (world.mine, world.nobodys)
        ]
        assert len({_told(answer, world) for answer in answers}) == 1
        check_problem(answers[0], 403)


@pytest.mark.parametrize("path", sorted({rule.path for rule in RULES}))
async def test_other_methods_are_refused_alike_by_whoever_they_are_asked(
    http: httpx2.AsyncClient, world: World, path: str
) -> None:
    concrete = next(rule for rule in RULES if rule.path == path)
    # `batch` is where another route has an id.
    known = {rule.method for rule in RULES if _fits(rule.path, path)}
    before = world.state()
    for method in METHODS:
        if method in known or (method == "HEAD" and path == "/openapi.json"):
            continue
        for headers in ([], bearer(world.keys["all-admin"])):
            for slash in ("", "/"):
                response = await http.request(method, world.mine.path(concrete) + slash, headers=headers)
                assert response.status_code == 405, (method, response.text)
                assert set(response.headers["allow"].split(", ")) - {"HEAD"} <= known
    assert world.state() == before


def _fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override"])
async def test_a_header_does_not_change_the_method(http: httpx2.AsyncClient, world: World, name: str) -> None:
    before = world.state()
    rule = BY_NAME["GET /api/projects/{project_id}"]
    headers = [*bearer(world.keys["all-admin"]), (name.encode(), b"DELETE")]
    assert (await ask(http, rule, world.mine, headers, query="?_method=DELETE")).status_code == 200
    assert world.state() == before


def test_the_page_shows_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert within(page, table()) == page, "run make route-table"
