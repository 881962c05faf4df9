"""What may come in place of API Gateway's events: anything. It is refused, or is read without harm."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mangum.handlers import APIGateway, HTTPGateway
from mangum.types import LambdaConfig

from core.errors import MalformedBody
from handlers.gateway_events import checked

REST: dict[str, Any] = {
    "resource": "/{proxy+}",
    "path": "/api/v1/events",
    "httpMethod": "POST",
    "headers": {"Host": "x.example", "Content-Type": "application/json"},
    "multiValueHeaders": {"Host": ["x.example"], "Content-Type": ["application/json"]},
    "queryStringParameters": {"limit": "1"},
    "multiValueQueryStringParameters": {"limit": ["1"]},
    "requestContext": {"stage": "Prod", "identity": {"sourceIp": "203.0.113.7"}},
    "body": "{}",
    "isBase64Encoded": False,
}
HTTP: dict[str, Any] = {
    "version": "2.0",
    "rawPath": "/api/v1/events",
    "rawQueryString": "limit=1",
    "headers": {"host": "x.example"},
    "cookies": ["a=b"],
    "requestContext": {
        "stage": "$default",
        "http": {"method": "POST", "path": "/api/v1/events", "sourceIp": "203.0.113.7"},
    },
    "body": "{}",
    "isBase64Encoded": False,
}
_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_CONTEXT = SimpleNamespace(aws_request_id="r-1")
_CONFIG = LambdaConfig(api_gateway_base_path="/", text_mime_types=[], exclude_headers=[])


def read(event: object) -> tuple[dict[str, Any], bytes]:
    """As Mangum reads what was let through."""
    event = checked(event)
    kind = HTTPGateway if HTTPGateway.infer(event, _CONTEXT, _CONFIG) else APIGateway
    assert kind.infer(event, _CONTEXT, _CONFIG)
    handler = kind(event, _CONTEXT, _CONFIG)
    return dict(handler.scope), handler.body


@pytest.mark.parametrize("event", [REST, HTTP, REST | {"version": "1.0"}])
def test_a_proper_event_stays_what_it_is(event: dict[str, Any]) -> None:
    scope, body = read(event)
    assert (scope["method"], scope["path"], scope["query_string"]) == ("POST", "/api/v1/events", b"limit=1")
    assert [b"host", b"x.example"] in scope["headers"]
    assert scope["client"] == ("203.0.113.7", 0)
    assert body == b"{}"


@pytest.mark.parametrize("event", [REST, HTTP])
@given(data=st.data())
def test_any_field_may_be_missing_or_anything(event: dict[str, Any], data: st.DataObject) -> None:
    changed = dict(event)
    for name in data.draw(st.sets(st.sampled_from(sorted(event)), min_size=1)):
        if data.draw(st.booleans()):
            del changed[name]
        else:
            changed[name] = data.draw(_ODD)
    _is_read_or_refused(changed)


@given(_ODD)
def test_anything_may_come(event: object) -> None:
    _is_read_or_refused(event)


def _is_read_or_refused(event: object) -> None:
    try:
        scope, body = read(event)
    except MalformedBody as refused:
        assert all(problem.field.startswith("event") for problem in refused.problems)  # noqa: PT017
        return
    assert isinstance(scope["path"], str)
    assert isinstance(body, bytes)


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": None, "multiValueHeaders": None},
        {"headers": {"X": None}, "multiValueHeaders": {"X": None}},
        {"multiValueHeaders": {}},
        {"queryStringParameters": None, "multiValueQueryStringParameters": None},
        {"multiValueQueryStringParameters": {"a": None, "limit": ["1"]}},
        {"body": None},
        {"body": "", "isBase64Encoded": True},
        {"isBase64Encoded": None},
        {"requestContext": {"identity": None}},
        {"requestContext": {}},
        {"headers": {"Host": "a:b:c"}, "multiValueHeaders": {"host": ["a:b:c"]}},
        {"headers": {"Host": "a:99999999"}, "multiValueHeaders": None},
        {"multiValueHeaders": {"X-Forwarded-Port": ["443", "x"]}},
    ],
)
def test_null_and_odd_fields_are_no_harm(changes: dict[str, Any]) -> None:
    assert read(REST | changes)[0]["path"] == "/api/v1/events"


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (None, "event"),
        ([], "event"),
        ({}, "event.httpMethod"),
        ({"source": "aws.events", "detail": {}}, "event.httpMethod"),
        ({"Records": [{"cf": {}}]}, "event.httpMethod"),
        (REST | {"path": None}, "event.path"),
        (REST | {"path": "/\ud800"}, "event.path"),
        (REST | {"headers": []}, "event.headers"),
        (REST | {"multiValueHeaders": {"a": "b"}}, "event.multiValueHeaders.a"),
        (REST | {"requestContext": None}, "event.requestContext"),
        (REST | {"body": {"a": 1}}, "event.body"),
        (REST | {"body": "%", "isBase64Encoded": True}, "event.body"),
        (REST | {"body": "\u00e9", "isBase64Encoded": True}, "event.body"),
        (HTTP | {"requestContext": {"http": None}}, "event.requestContext.http"),
        (HTTP | {"cookies": "a"}, "event.cookies"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(event: object, field: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        checked(event)
    assert caught.value.problems[0].field == field


def test_halves_of_surrogate_pairs_reach_the_body_as_they_are() -> None:
    assert read(REST | {"body": '"\ud83d"'})[1] == b'"\xed\xa0\xbd"'
