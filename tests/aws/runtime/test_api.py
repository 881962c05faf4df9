"""The API as a deployed function: API Gateway's events in, PostgreSQL and Valkey behind it."""

from __future__ import annotations

from typing import Any

import redis

from infra.lambda_runtime.function import Function
from tests.aws.runtime import gateway
from tests.aws.runtime.conftest import KEY, Query
from tests.aws.runtime.events import EVENTS, error, get, post

MEBIBYTE = 1_048_576


def test_an_event_is_answered_when_it_is_stored(api: Function, query: Query, redis_url: str) -> None:
    answer = post(api, error(message="ошибка оплаты \N{FIRE}"))
    assert answer.status == 202
    assert answer.body["analysis"] == "queued"
    [row] = query("SELECT id::text, payload->>'message' AS message FROM error_events")
    assert row == {"id": answer.body["id"], "message": "ошибка оплаты \N{FIRE}"}
    with redis.Redis.from_url(redis_url) as client:
        assert client.llen("ai_analysis") == 1


def test_a_body_may_come_as_base64(api: Function, query: Query) -> None:
    assert post(api, error(message="naïve"), binary=True).status == 202
    assert query("SELECT payload->>'message' AS message FROM error_events") == [{"message": "naïve"}]


def test_what_was_sent_can_be_read(api: Function) -> None:
    sent = post(api, error(message="日本語"), headers={"X-Request-ID": "abc-1"})
    assert sent.headers["x-request-id"] == "abc-1"
    page = get(api, EVENTS, project_key="shop", limit="1")
    assert [item["id"] for item in page.body["items"]] == [sent.body["id"]]
    assert get(api, f"{EVENTS}/{sent.body['id']}").body["payload"]["message"] == "日本語"


def test_errors_are_problems(api: Function) -> None:
    answers = [
        gateway.answer_of(api.invoke(event))
        for event in (
            gateway.request("POST", EVENTS, key=KEY, body=b"not json"),
            gateway.request("POST", EVENTS, key=None, body=b"{}"),
            gateway.request("GET", "/nowhere", key=KEY),
            gateway.request("POST", EVENTS, key=KEY, body=b"{}"),
        )
    ]
    assert [answer.status for answer in answers] == [400, 401, 404, 422]
    assert all(answer.is_problem for answer in answers)


def test_bodies_over_our_limit_are_refused_by_us(api: Function, query: Query) -> None:
    """From 1 MiB to what Lambda takes. API Gateway itself answers 413 above that: 6 MB, which a base64
    body reaches at 4.5 MB and JSON with many escapes earlier."""
    for size, binary in ((MEBIBYTE + 1, False), (5_500_000, False), (4_000_000, True)):
        answer = post(api, error(message="x" * size), binary=binary)
        assert answer.status == 413
        assert answer.is_problem
    assert query("SELECT id FROM error_events") == []
    assert post(api, error()).status == 202


def test_pages_are_what_lambda_can_return(api: Function) -> None:
    """It returns 6 MB, in which runtimes up to Python 3.11 write a letter that is not ASCII as six or
    twelve bytes. One byte more would be a 502, and a cold start for the next."""
    fires = "\N{FIRE}"
    _store_hundred(api, error(message=fires * 3_900))
    assert len(get(api, EVENTS, limit="200").body["items"]) == 100
    _store_hundred(api, error(message=fires * 4_000, stack=fires * 8_000))
    refused = get(api, EVENTS, limit="200")
    assert refused.status == 422
    assert refused.is_problem
    assert [problem["field"] for problem in refused.body["errors"]] == ["limit"]
    assert len(get(api, EVENTS, limit="50").body["items"]) == 50
    assert len(api.init_milliseconds()) == 1


def _store_hundred(api: Function, event: dict[str, Any]) -> None:
    for _ in range(5):
        assert post(api, {"events": [event] * 20}, path=f"{EVENTS}/batch").body["accepted"] == 20


def test_the_cold_start_is_paid_once(api: Function) -> None:
    assert get(api, "/healthz").status == 200
    assert post(api, error()).status == 202
    assert len(api.init_milliseconds()) == 1
