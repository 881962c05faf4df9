"""The Lambda entry point, driven with events as API Gateway sends them."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.emf import dimensions, is_emf, problems, values
from tests.integration.conftest import Query, guide_event

ROOT = Path(__file__).resolve().parents[2]
KEY = "rn_a-key-for-lambda"

_INVOKE = """
import json, sys, time
from types import SimpleNamespace
from handlers.api import handler
context = SimpleNamespace(aws_request_id="r-1", function_name="api", memory_limit_in_mb=512)
for event in json.load(sys.stdin):
    time.sleep(event.get("sleep", 0))
    print(json.dumps(handler(event, context)))
"""


@pytest.fixture
def invoke(database_url: str, redis_url: str, query: Query) -> Any:
    """Invokes one after the other in one process, as a warm Lambda is."""
    query(
        "INSERT INTO api_keys (id, hash, scope) VALUES"
        " (gen_random_uuid(), encode(sha256(%s::bytea), 'hex'), 'admin')",
        KEY.encode(),
    )
    query("INSERT INTO projects (id, key) VALUES (gen_random_uuid(), 'test')")

    def run(*events: dict[str, Any], output: list[str] | None = None, **environment: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _INVOKE],
            cwd=ROOT,
            env={"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PATH": "", **environment},
            input=json.dumps(events),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if output is not None:
            output += done.stdout.splitlines()
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"statusCode"')]

    return run


def rest_event(method: str, path: str, *, body: str | None = None, **changes: Any) -> dict[str, Any]:
    """API Gateway REST (payload 1.0), as its proxy integration sends it."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "Host": "x.execute-api"}
    headers |= changes.pop("headers", {})
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/{proxy+}",
            "httpMethod": method,
            "path": f"/Prod{path}",
            "stage": "Prod",
            "requestId": "g-1",
            "identity": {"sourceIp": "203.0.113.7"},
        },
        "body": body,
        "isBase64Encoded": False,
    } | changes


def http_event(
    method: str, path: str, *, stage: str = "$default", body: str | None = None, **changes: Any
) -> dict[str, Any]:
    """API Gateway HTTP API (payload 2.0): a named stage is part of its path."""
    raw_path = path if stage == "$default" else f"/{stage}{path}"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {KEY}", "content-type": "application/json", "host": "x"},
        "requestContext": {
            "http": {"method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"},
            "stage": stage,
            "requestId": "g-2",
        },
        "body": body,
        "isBase64Encoded": False,
    } | changes


GUIDE = json.dumps(guide_event())


def test_rest_plain_and_base64(invoke: Any, query: Query) -> None:
    encoded = base64.b64encode(json.dumps(guide_event(message="ключ ошибки")).encode()).decode()
    plain, binary = invoke(
        rest_event("POST", "/api/v1/events", body=GUIDE),
        rest_event("POST", "/api/v1/events", body=encoded, isBase64Encoded=True),
    )
    assert (plain["statusCode"], binary["statusCode"]) == (202, 202)
    assert json.loads(plain["body"])["analysis"] == "queued"
    messages = {row["m"] for row in query("SELECT payload->>'message' AS m FROM error_events")}
    assert messages == {"Server error", "ключ ошибки"}


@pytest.mark.parametrize("stage", ["$default", "prod", "v1"])
def test_http_api_with_and_without_a_stage(invoke: Any, stage: str) -> None:
    encoded = base64.b64encode(GUIDE.encode()).decode()
    made, binary, health = invoke(
        http_event("POST", "/api/v1/events", stage=stage, body=GUIDE),
        http_event("POST", "/api/v1/events", stage=stage, body=encoded, isBase64Encoded=True),
        http_event("GET", "/healthz", stage=stage),
    )
    assert [answer["statusCode"] for answer in (made, binary, health)] == [202, 202, 200]


def test_multi_value_headers_and_query(invoke: Any) -> None:
    [made] = invoke(rest_event("POST", "/api/v1/events", body=GUIDE, headers={"X-Request-ID": "abc-1"}))
    assert made["headers"]["x-request-id"] == "abc-1"
    event = rest_event("GET", "/api/v1/events")
    event["queryStringParameters"] = {"limit": "1", "project_key": "test"}
    event["multiValueQueryStringParameters"] = {"limit": ["1"], "project_key": ["test"]}
    event["multiValueHeaders"]["Accept"] = ["application/json", "text/html"]
    [page] = invoke(event)
    assert page["statusCode"] == 200
    assert len(json.loads(page["body"])["items"]) == 1


def test_errors_are_problems_here_too(invoke: Any) -> None:
    bad, keyless, unknown, missing = invoke(
        rest_event("POST", "/api/v1/events", body="not json"),
        rest_event("POST", "/api/v1/events", body=GUIDE, headers={"Authorization": "Bearer rn_wrong"}),
        rest_event("POST", "/api/v1/events", body=json.dumps(guide_event(project_key="nobodys"))),
        rest_event("GET", "/nowhere"),
    )
    assert [answer["statusCode"] for answer in (bad, keyless, unknown, missing)] == [400, 401, 403, 404]
    for answer in (bad, keyless, unknown, missing):
        assert answer["headers"]["content-type"] == "application/problem+json"
        assert json.loads(answer["body"])["status"] == answer["statusCode"]


def test_browsers_are_told_the_same_here(invoke: Any) -> None:
    """API Gateway passes OPTIONS on, as every method; it says by which scheme it was asked."""
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    events = (
        rest_event("OPTIONS", "/api/v1/events", headers=asked),
        rest_event("POST", "/api/v1/events", body=GUIDE, headers=asked | {"X-Forwarded-Proto": "https"}),
        rest_event("GET", "/nowhere", headers={"X-Forwarded-Proto": "http"}),
    )
    closed, _, _ = invoke(*events)
    assert (closed["statusCode"], "access-control-allow-origin" in closed["headers"]) == (405, False)
    preflight, made, missing = invoke(*events, CORS_ORIGINS="https://app.example.com")
    assert [answer["statusCode"] for answer in (preflight, made, missing)] == [200, 202, 404]
    for answer in (preflight, made):
        assert answer["headers"]["access-control-allow-origin"] == "https://app.example.com"
        assert "strict-transport-security" in answer["headers"]
    assert missing["headers"]["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in missing["headers"]


def test_a_connection_lost_between_invocations_is_made_anew(invoke: Any, query: Query) -> None:
    """A Lambda sleeps between invocations; the database may have closed its connection meanwhile."""
    event = rest_event("POST", "/api/v1/events", body=GUIDE, sleep=0.6)
    query("ALTER ROLE rootnote SET idle_session_timeout = '300ms'")
    try:
        answers = invoke(*[event] * 3)
    finally:
        query("ALTER ROLE rootnote RESET idle_session_timeout")
    assert [answer["statusCode"] for answer in answers] == [202] * 3


def test_a_path_that_begins_like_its_stage_is_left_whole(invoke: Any) -> None:
    """As under a custom domain, which takes the stage off by itself."""
    plain = http_event("GET", "/healthz", stage="$default")
    plain["requestContext"]["stage"] = "h"
    slashed = rest_event("GET", "/api/v1/events/")
    assert [answer["statusCode"] for answer in invoke(plain, slashed)] == [200, 200]


def test_a_quota_holds_from_one_invocation_to_the_next_and_cloudwatch_is_told(invoke: Any) -> None:
    output: list[str] = []
    answers = invoke(
        *[rest_event("POST", "/api/v1/events", body=GUIDE)] * 4,
        output=output,
        INGEST_RATE_PROJECT="6/hour",
        INGEST_BURST_SECONDS="1",
        MAX_BATCH_EVENTS="2",
        DEPLOYMENT="staging",
        AWS_LAMBDA_FUNCTION_NAME="api",
    )
    assert [answer["statusCode"] for answer in answers] == [202, 202, 429, 429]
    assert int(answers[2]["headers"]["retry-after"]) > 300
    [told] = [line for line in output if is_emf(line)]
    assert not problems(told)
    assert dimensions(told) == [{"Deployment": "staging"}]
    assert values(told) == {"EventsOverProjectQuota": [1.0]}


def test_what_is_no_event_of_api_gateway_is_refused_and_the_next_is_served(invoke: Any) -> None:
    proper = rest_event("GET", "/healthz")
    http = http_event("GET", "/healthz")
    events = [
        ({}, 400),
        ({"source": "aws.events"}, 400),
        (proper | {"requestContext": None}, 400),
        (proper | {"headers": None, "multiValueHeaders": None}, 200),
        (http | {"headers": None, "rawQueryString": None}, 200),
        (rest_event("POST", "/api/v1/events", body=None), 400),
        (rest_event("POST", "/api/v1/events", body="%", isBase64Encoded=True), 400),
        (rest_event("POST", "/api/v1/events", body="\ud800"), 400),
        (rest_event("POST", "/api/v1/events", body=GUIDE, headers={"Content-Length": "\u00b2"}), 202),
        (rest_event("POST", "/api/v1/events", body=GUIDE, headers={"Host": "a:b:c"}), 202),
        (rest_event("GET", "/api/v1/events/%00%ff/../x"), 404),
        (proper, 200),
    ]
    answers = invoke(*(event for event, _ in events))
    assert [answer["statusCode"] for answer in answers] == [status for _, status in events]
    for answer in answers:
        assert answer["headers"]["x-request-id"]
        if answer["statusCode"] >= 400:
            problem = json.loads(answer["body"])
            assert problem["status"] == answer["statusCode"]
            assert answer["headers"]["content-type"] == "application/problem+json"


def test_packed_bodies_come_through_the_gateway(invoke: Any, query: Query) -> None:
    packed = base64.b64encode(gzip.compress(GUIDE.encode())).decode()
    headers = {"Content-Encoding": "gzip"}
    for made in invoke(
        rest_event("POST", "/api/v1/events", body=packed, isBase64Encoded=True, headers=headers),
        http_event(
            "POST",
            "/api/v1/events",
            body=packed,
            isBase64Encoded=True,
            headers={"authorization": f"Bearer {KEY}", "content-encoding": "gzip"},
        ),
    ):
        assert made["statusCode"] == 202, made["body"]
    assert query("SELECT count(*) AS n FROM error_events") == [{"n": 2}]
