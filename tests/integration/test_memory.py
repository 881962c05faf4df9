"""What the API's memory grows by for the worst bodies of the largest size, many at once. Linux only."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.api_process import ApiProcess, running_api
from tests.conftest import migrate
from tests.integration.conftest import DEV_TOKEN, guide_event

LIMIT = 1_048_576
AT_ONCE = 32
MOST_GROWTH = 400_000_000
"""Bytes: 12 for each byte of the bodies that are sent at once."""


def _filled(unit: str, head: str = "", tail: str = "") -> bytes:
    """An event of just the largest size, whose `extra` is `head`, as many units as fit, and `tail`."""
    bare = json.dumps(guide_event(extra={"x": "@"}))
    before, after = bare.split('"@"')
    room = LIMIT - len(before) - len(after) - len(head) - len(tail)
    return f"{before}{head}{(unit * (room // len(unit)))[:-1] if unit else ''}{tail}{after}".encode()


def _keys() -> bytes:
    return json.dumps(guide_event(extra={str(n): 0 for n in range(80_000)})).encode()


def _batch() -> bytes:
    event = guide_event(stack="Error: x\n" + "    at f (a.js:1:1)\n" * 70)
    return json.dumps({"events": [event | {"message": f"m{n}"} for n in range(500)]}).encode()


BODIES: dict[str, Callable[[], bytes]] = {
    "lists": lambda: _filled("[],", "[", "]"),
    "objects": lambda: _filled('{"":0},', "[", "]"),
    "numbers": lambda: _filled("1.5,", "[", "]"),
    "keys": _keys,
    "texts": lambda: _filled('"\\ud800",', "[", "]"),
    "message": lambda: json.dumps(guide_event(message="\u00e9" * 170_000)).encode(),
    "stack": lambda: json.dumps(guide_event(stack="    at f (a.js:1:1)\n" * 45_000)).encode(),
    "wrong": lambda: b'{"status_code": "x", "timestamp": "y", "extra": {"a": %b1' % (b'{"a":' * 150_000),
    "batch": _batch,
    "lists in a batch": lambda: (
        b'{"events": [%b]}'
        % b",".join(json.dumps(guide_event(extra={"x": [[]] * 19_000})).encode() for _ in range(5))
    ),
    "unknown fields": lambda: json.dumps({f"k{n}": 0 for n in range(80_000)}).encode(),
    "many in a batch": lambda: b'{"events": [' + b"0," * 524_000 + b"0]}",
}


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, valkey: ValkeyServer
) -> Iterator[ApiProcess]:
    url = postgres.create_database("memory")
    migrate(url)
    folder: Path = tmp_path_factory.mktemp("memory")
    with running_api(
        folder,
        database_url=url,
        redis_url=valkey.url,
        head_seconds=240,
        AUTH="off",
        DEV_TOKEN=DEV_TOKEN,
        BODY_TIMEOUT="240",
        REQUEST_TIMEOUT="240",
    ) as api:
        yield api


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
async def test_growth_is_bounded(api: ApiProcess, name: str, is_packed: bool) -> None:
    body = BODIES[name]()
    assert len(body) <= LIMIT
    headers = {"Content-Encoding": "gzip"} if is_packed else {}
    path = "/api/v1/events/batch" if "batch" in name else "/api/v1/events"
    method = "POST"
    if name == "unknown fields":
        method, path = "PUT", "/api/projects/0b1e7a52-3a52-4d22-9f00-8d8ad8e24a10"
        headers |= {"Authorization": f"Bearer {DEV_TOKEN}"}
    content = gzip.compress(body) if is_packed else body
    api.forget_peak()
    before = api.resident_bytes()
    async with httpx2.AsyncClient(base_url=api.url, trust_env=False, timeout=240) as client:
        answers = await asyncio.gather(
            *(client.request(method, path, content=content, headers=headers) for _ in range(AT_ONCE))
        )
    assert {answer.status_code for answer in answers} <= {200, 202, 400, 422, 503}
    growth = api.peak_bytes() - before
    assert growth <= MOST_GROWTH, f"{growth / 1e6:.0f} MB"
