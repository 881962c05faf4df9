"""Bodies that are wrong in every way: a 4xx that names the field, never a 500."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.integration.conftest import DEV_TOKEN, Query, guide_event

EVENTS = "/api/v1/events"


def _with(name: str, raw: str) -> bytes:
    """The guide's event with one field given as raw JSON."""
    fields = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in guide_event().items() if k != name]
    return ("{" + ", ".join([*fields, f'"{name}": {raw}']) + "}").encode()


BODY = json.dumps(guide_event())
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
        (_with("extra", json.dumps({str(n): n for n in range(20_001)})), 422, "extra"),
        (_with("extra", '{"x": [' + "[]," * 300_000 + "[]]}"), 422, "extra"),
        (_with("unknown", "[" + "{}," * 300_000 + "{}]"), 422, "extra"),
        (DEEP.encode(), 400, "body"),
        (b"[" * 500_000, 400, "body"),
        (b'{"a":' * 150_000, 400, "body"),
        (BODY.encode("utf-16"), 400, "body"),
        (BODY.encode("utf-32"), 400, "body"),
        (BODY.encode().replace(b"Server", b"\xc3\x28"), 400, "body"),
        (BODY.encode().replace(b"Server", b"\xed\xa0\x80"), 400, "body"),
        (BODY.encode() + b"\0", 400, "body"),
        (BODY.encode() + BODY.encode(), 400, "body"),
        (_with("timestamp", "-1"), 422, "timestamp"),
        (_with("timestamp", "9" * 400), 422, "timestamp"),
        (_with("timestamp", '"' + "9" * 5_000 + '"'), 422, "timestamp"),
        (_with("extra", "{" + ",".join(f'"{n}":' + DEEP_EXTRA for n in range(9)) + "}"), 422, "extra"),
        (_with("status_code", '500, "status_code": 9'), 422, "status_code"),
        (_with("k" * 900_000, DEEP_EXTRA), 422, "extra"),
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
        json.dumps({str(n): n for n in range(20_000)}),
        json.dumps({"k" * 1_000_000: 1}),
        json.dumps({"k": "v" * 1_000_000}),
        '{"a": 1, "a": 2, "a": {"b": 1, "b": 2}}',
        '{"n": 1e999999999, "m": 0.' + "1" * 100_000 + "}",
        '{"n": -' + "9" * 900_000 + "}",
    ],
)
async def test_strange_extras_are_stored(client: httpx2.AsyncClient, query: Query, extra: str) -> None:
    response = await client.post(EVENTS, content=_with("extra", extra))
    assert response.status_code == 202, response.text
    assert len(query("SELECT 1 FROM error_events")) == 1


async def test_the_last_of_equal_names_counts(client: httpx2.AsyncClient, query: Query) -> None:
    body = _with("message", r'"first", "message": "last", "extra": {"a": 1, "a": 2}')
    assert (await client.post(EVENTS, content=body)).status_code == 202
    assert query("SELECT payload->>'message' AS m, payload->'extra'->>'a' AS a FROM error_events") == [
        {"m": "last", "a": "2"}
    ]


async def test_a_byte_order_mark_is_no_harm(client: httpx2.AsyncClient) -> None:
    """.NET and PowerShell write one."""
    assert (await client.post(EVENTS, content=b"\xef\xbb\xbf" + BODY.encode())).status_code == 202


async def test_a_batch_of_too_many_values_is_refused_as_a_whole(client: httpx2.AsyncClient) -> None:
    events = [guide_event(extra={"x": [0] * 10_001})] * 10
    response = await client.post(f"{EVENTS}/batch", json={"events": events})
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "events", "message": "hold more than 100,000 values in all"}
    ]


async def test_unknown_fields_in_thousands_are_counted_and_not_listed(client: httpx2.AsyncClient) -> None:
    response = await client.put(
        "/api/projects/0b1e7a52-3a52-4d22-9f00-8d8ad8e24a10",
        json={f"k{n}": 0 for n in range(50_000)},
        headers={"Authorization": f"Bearer {DEV_TOKEN}"},
    )
    assert response.json()["errors"] == [{"field": "body", "message": "has 50000 problems"}]


async def test_a_full_batch_of_the_worst_events(client: httpx2.AsyncClient, query: Query) -> None:
    """As many as may come, as large as fit, each another group, with a stack and secrets to look for."""
    stack = "Traceback (most recent call last):\n" + '  File "/a.py", line 1, in f\n' * 48 + "E: password=x"
    events = [guide_event(message=f"m{n}", stack=f"{stack}{n}", path=f"/{'a/' * 100}") for n in range(500)]
    body = json.dumps({"events": events}).encode()
    assert 900_000 < len(body) <= 1_048_576
    response = await client.post(f"{EVENTS}/batch", content=body)
    assert response.status_code == 202
    assert response.json()["accepted"] == 500
    assert query("SELECT count(*) AS n FROM error_events") == [{"n": 500}]


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
        ("GET", f"{EVENTS}?project_key=%ff", 422),
        ("GET", f"{EVENTS}?limit=" + "9" * 5_000, 422),
        ("GET", f"{EVENTS}?limit=1e3", 422),
        ("GET", f"{EVENTS}?limit=5&limit=many", 422),
        ("GET", f"{EVENTS}?cursor=" + "A" * 50_000, 422),
        ("GET", f"{EVENTS}?%00=%00&=&&;=%", 200),
        ("GET", f"{EVENTS}?" + "a&" * 30_000, 200),
        ("GET", f"{EVENTS}/%2e%2e%2f", 422),
        ("GET", f"{EVENTS}/%00", 422),
        ("GET", "/api/v1/jobs?" + "state=dead&" * 1_000, 422),
        ("GET", "/api/v1/jobs?" + "state=x&" * 7_000, 422),
        ("GET", "/api/v1/usage?since=0000-00-00", 422),
        ("GET", "/api/v1/usage?since=-1&until=9999-12-31", 422),
        ("GET", f"{EVENTS}/00000000-0000-0000-0000-000000000000", 404),
        ("GET", "/api/v1/groups/00000000-0000-0000-0000-000000000000", 404),
    ]:
        response = await client.request(method, path)
        assert response.status_code == status, (path[:99], response.text[:999])
        assert len(response.content) < 10_000
        if status >= 400:
            assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Origin", "http://[", 403),
        ("Origin", "\xff", 403),
        ("Origin", "null", 403),
        ("Authorization", "Bearer \xff\xfe", 401),
        ("Authorization", "Bearer " + "a" * 60_000, 401),
        ("Authorization", "\xa0", 401),
        ("X-API-Key", "\x80" * 43, 401),
        ("X-API-Key", "", 202),
        ("X-Request-ID", "\xff" * 64, 202),
        ("X-Forwarded-For", "\xff, [", 403),
        ("Sec-Fetch-Site", "\xff", 202),
        ("Idempotency-Key", "\xff", 202),
        ("Idempotency-Key", "k" * 201, 422),
        ("Idempotency-Key", "", 422),
        ("Content-Encoding", "\xff", 415),
        ("Transfer-Encoding", "\xff", 202),
        ("Cookie", "=;" * 20_000, 202),
        ("Accept", "\xff;q=x", 202),
    ],
)
async def test_odd_headers(client: httpx2.AsyncClient, name: str, value: str, status: int) -> None:
    headers = {name.encode(): value.encode("latin-1")}
    response = await client.post(EVENTS, content=BODY, headers=list(headers.items()))
    assert response.status_code == status, response.text


async def test_ten_thousand_headers(client: httpx2.AsyncClient) -> None:
    headers = [(f"h{n}", "v") for n in range(10_000)]
    assert (await client.post(EVENTS, content=BODY, headers=headers)).status_code == 202
