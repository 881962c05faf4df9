"""Bodies as they travel: compressed, in pieces, under false names and lengths."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from handlers.wiring import Deps
from tests.integration.conftest import DEV_TOKEN, Query, guide_event

EVENTS = "/api/v1/events"
BODY = json.dumps(guide_event(message="packed")).encode()


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
@pytest.mark.parametrize(("path", "body"), [(EVENTS, BODY), (f"{EVENTS}/batch", b'{"events": [%b]}' % BODY)])
async def test_packed_events_are_stored(
    client: httpx2.AsyncClient,
    query: Query,
    encoding: str,
    pack: Callable[[bytes], bytes],
    path: str,
    body: bytes,
) -> None:
    response = await client.post(path, content=pack(body), headers={"Content-Encoding": encoding})
    assert response.status_code == 202, response.text
    assert query("SELECT payload->>'message' AS m FROM error_events") == [{"m": "packed"}]


@pytest.mark.parametrize(
    ("encoding", "body", "status", "field"),
    [
        ("gzip", gzip.compress(bytes(50 * 2**20)), 413, "body"),
        ("gzip", BODY, 400, "body"),
        ("gzip", gzip.compress(BODY)[:-1], 400, "body"),
        ("gzip", b"", 400, "body"),
        ("br", BODY, 415, "Content-Encoding"),
        ("gzip, gzip", BODY, 415, "Content-Encoding"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", EVENTS),
        ("POST", f"{EVENTS}/batch"),
        ("POST", "/api/v1/keys"),
        ("PUT", "/api/projects/0b1e7a52-3a52-4d22-9f00-8d8ad8e24a10"),
    ],
)
async def test_every_body_is_held_to_it(
    client: httpx2.AsyncClient, method: str, path: str, encoding: str, body: bytes, status: int, field: str
) -> None:
    headers = {"Content-Encoding": encoding, "Authorization": f"Bearer {DEV_TOKEN}"}
    response = await client.request(method, path, content=body, headers=headers)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"] == field
    assert response.headers.get("accept-encoding") == ("gzip, deflate" if status == 415 else None)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
        "text/plain;charset=UTF-8",
        "multipart/form-data; boundary=x",
        "application/vnd.api+json",
        "nonsense",
        "",
        None,
    ],
)
async def test_json_is_json_whatever_it_is_called(
    client: httpx2.AsyncClient, content_type: str | None
) -> None:
    """curl calls it a form, sendBeacon plain text."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert (await client.post(EVENTS, content=BODY, headers=headers)).status_code == 202


@pytest.mark.parametrize("length", ["2", "0", "-1", "1e3", "\u00b2", "9" * 30, "abc", "", " 12 "])
async def test_a_length_that_lies_is_not_believed(client: httpx2.AsyncClient, length: str) -> None:
    """Servers refuse most of these by themselves; API Gateway hands on what it was sent."""

    async def body() -> AsyncIterator[bytes]:
        yield BODY

    headers = {b"Content-Length": length.encode("latin-1")}
    response = await client.post(EVENTS, content=body(), headers=list(headers.items()))
    assert response.status_code == 202, response.text


async def test_a_length_beyond_the_limit_is_refused_unread(client: httpx2.AsyncClient, deps: Deps) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(BODY)
        yield BODY

    headers = {"Content-Length": str(deps.settings.max_body_bytes + 1)}
    response = await client.post(EVENTS, content=body(), headers=headers)
    assert response.status_code == 413
    assert read == []
