"""Bodies that are wrong in every way: a 4xx that names the field, never a 500."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.integration.conftest import Query, guide_event

EVENTS = "/api/v1/events"


def _with(name: str, raw: str) -> bytes:
    """The guide's event with one field given as raw JSON."""
    fields = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in guide_event().items() if k != name]
    return ("{" + ", ".join([*fields, f'"{name}": {raw}']) + "}").encode()


DEEP = "[" * 5_000 + "]" * 5_000
DEEP_EXTRA = '{"a":' * 100 + "1" + "}" * 100


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, "body"),
        (b"   ", 400, "body"),
        (b"not json", 400, "body"),
        (b'{"project_key": "test"', 400, "body"),
        (b"\xff\xfe\x00", 400, "body"),
        (b'{"message": NaN}', 422, "project_key"),
        (b"null", 422, "body"),
        (b"[]", 422, "body"),
        (b'"text"', 422, "body"),
        (b"{}", 422, "project_key"),
        (_with("project_key", "7"), 422, "project_key"),
        (_with("project_key", '""'), 422, "project_key"),
        (_with("project_key", '"a b"'), 422, "project_key"),
        (_with("project_key", json.dumps("k" * 101)), 422, "project_key"),
        (_with("message", "null"), 422, "message"),
        (_with("message", '""'), 422, "message"),
        (_with("message", '["a"]'), 422, "message"),
        (_with("stack", "17"), 422, "stack"),
        (_with("method", json.dumps("G" * 21)), 422, "method"),
        (_with("path", "{}"), 422, "path"),
        (_with("status_code", "99"), 422, "status_code"),
        (_with("status_code", "600"), 422, "status_code"),
        (_with("status_code", '"500"'), 422, "status_code"),
        (_with("status_code", "500.5"), 422, "status_code"),
        (_with("status_code", "true"), 422, "status_code"),
        (_with("status_code", "1e999"), 422, "status_code"),
        (_with("status_code", "9" * 5_000), 422, "status_code"),
        (_with("timestamp", '"yesterday"'), 422, "timestamp"),
        (_with("timestamp", '"9999-12-31T23:59:59Z"'), 422, "timestamp"),
        (_with("timestamp", '"9999-12-31T23:59:59-14:00"'), 422, "timestamp"),
        (_with("timestamp", '"0001-01-01T00:00:00+14:00"'), 422, "timestamp"),
        (_with("timestamp", "1e300"), 422, "timestamp"),
        (_with("timestamp", "null"), 422, "timestamp"),
        (_with("event_id", '""'), 422, "event_id"),
        (_with("event_id", json.dumps("e" * 201)), 422, "event_id"),
        (_with("extra", "[]"), 422, "extra"),
        (_with("extra", DEEP_EXTRA), 422, "extra"),
        (_with("extra", DEEP), 400, "body"),
        (DEEP.encode(), 400, "body"),
    ],
)
async def test_is_refused_with_the_field_named(
    client: httpx2.AsyncClient, query: Query, body: bytes, status: int, field: str
) -> None:
    response = await client.post(EVENTS, content=body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["errors"][0]["field"].startswith(field)
    assert query("SELECT 1 FROM error_events") == []


@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}/batch"])
async def test_two_mebibytes_are_too_large(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.post(path, content=b'{"message": "' + b"x" * 2_097_152 + b'"}')
    assert response.status_code == 413
    assert response.json()["errors"][0]["field"] == "body"


async def test_too_large_is_found_without_content_length(client: httpx2.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    response = await client.post(EVENTS, content=chunks())
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (_with("message", r'"a\u0000b"'), "a\ufffdb"),
        (_with("message", r'"half an emoji \ud83d"'), "half an emoji \ufffd"),
        (_with("message", r'"\udc00 tail"'), "\ufffd tail"),
        (_with("message", r'"whole \ud83d\ude00"'), "whole \U0001f600"),
    ],
)
async def test_nul_and_lone_surrogates_are_cleaned(
    client: httpx2.AsyncClient, query: Query, body: bytes, message: str
) -> None:
    assert (await client.post(EVENTS, content=body)).status_code == 202
    [row] = query("SELECT payload->>'message' AS message FROM error_events")
    assert row["message"] == message


@pytest.mark.parametrize(
    "extra",
    [
        r'{"a\u0000": "\u0000", "b": ["\ud83d"]}',
        '{"n": 1e400, "m": -1e400, "o": NaN, "p": -Infinity}',
        '{"n": ' + "9" * 400 + "}",
        '{"n": ' + "9" * 5_000 + "}",
        '{"": {"": null}}',
        json.dumps({str(n): n for n in range(5_000)}),
    ],
)
async def test_strange_extras_are_stored(client: httpx2.AsyncClient, query: Query, extra: str) -> None:
    response = await client.post(EVENTS, content=_with("extra", extra))
    assert response.status_code == 202, response.text
    assert len(query("SELECT 1 FROM error_events")) == 1


@pytest.mark.parametrize(
    "field", ["message", "stack", "path", "event_id", "release", "environment", "method"]
)
async def test_nul_and_surrogates_in_every_text(client: httpx2.AsyncClient, field: str) -> None:
    response = await client.post(EVENTS, content=_with(field, r'"\u0000\ud83d"'))
    assert response.status_code == 202, response.text


async def test_wrong_paths_methods_and_parameters_are_problems_too(client: httpx2.AsyncClient) -> None:
    for method, path, status in [
        ("GET", "/nowhere", 404),
        ("DELETE", EVENTS, 405),
        ("GET", f"{EVENTS}/not-a-uuid", 422),
        ("GET", f"{EVENTS}?limit=0", 422),
        ("GET", f"{EVENTS}?limit=many", 422),
        ("GET", f"{EVENTS}?cursor=%00", 422),
        ("GET", f"{EVENTS}?cursor=abc", 422),
        ("GET", f"{EVENTS}?group_id=x", 422),
        ("GET", f"{EVENTS}?project_key=nobodys", 403),
        ("GET", f"{EVENTS}?project_key=%00", 422),
        ("GET", f"{EVENTS}/00000000-0000-0000-0000-000000000000", 404),
        ("GET", "/api/v1/groups/00000000-0000-0000-0000-000000000000", 404),
    ]:
        response = await client.request(method, path)
        assert response.status_code == status, (path, response.text)
        assert response.headers["content-type"] == "application/problem+json"
