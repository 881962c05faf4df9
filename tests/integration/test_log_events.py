"""The log handler, invoked as Lambda would, with payloads as CloudWatch Logs sends them."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from core.queue.names import AI_ANALYSIS
from tests.fakes.cloudwatch_logs import MILLISECONDS, log_event_id, packed, payload
from tests.integration.conftest import Query, guide_event

ROOT = Path(__file__).resolve().parents[2]
ID = "8f507cfc-4a1b-4697-b07a-ac58fc914c95"
AT = "2026-01-15T12:00:00.123Z"
GROUP = "/aws/lambda/shop-checkout"

_INVOKE = """
import json, sys, time
from types import SimpleNamespace
from handlers.log_events import handler
for number, event in enumerate(json.load(sys.stdin)):
    time.sleep(event.pop("sleep", 0))
    try:
        handler(event, SimpleNamespace(aws_request_id=f"r-{number}", function_name="log_events"))
    except Exception as exc:
        print("RAISED", type(exc).__name__, exc, sep="|")
    else:
        print("DONE")
"""

PYTHON = """[ERROR] KeyError: 'total'
Traceback (most recent call last):
\xa0\xa0File "/var/task/app.py", line 7, in handler
\xa0\xa0\xa0\xa0return pay(event)
\xa0\xa0File "/var/task/shop/cart.py", line 3, in pay
\xa0\xa0\xa0\xa0return cart["total"]"""

TIMED_OUT = f"{AT} {ID} Task timed out after 3.00 seconds\n\n"
NOISE = [
    f"START RequestId: {ID} Version: $LATEST\n",
    f"[INFO]\t{AT}\t{ID}\tno error\n",
    f"[WARNING]\t{AT}\t{ID}\tan ERROR is near\n",
    '{"level":"INFO","message":"error"}',
    f"END RequestId: {ID}\n",
    f"REPORT RequestId: {ID}\tDuration: 3000.00 ms\tStatus: error\tError Type: Runtime.ExitError\n",
]

Invoke = Callable[..., "Done"]


class Done:
    """What the process wrote: an answer for each invocation, and its log."""

    def __init__(self, stdout: str, stderr: str) -> None:
        lines = stdout.splitlines()
        self.answers = [line for line in lines if line == "DONE" or line.startswith("RAISED|")]
        self.log = [json.loads(line) for line in lines if line.startswith("{")]
        self.text = stdout + stderr

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [line for line in self.log if "_aws" in line]


@pytest.fixture
def invoke(database_url: str, redis_url: str) -> Invoke:
    """Invokes one after the other in one process, as a warm Lambda is."""

    def run(*events: dict[str, Any], **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _INVOKE],
            cwd=ROOT,
            env={
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_url,
                "PATH": "",
                "DATABASE_POOL_SIZE": "1",
                "DEPLOYMENT": "staging",
                "POWERTOOLS_SERVICE_NAME": "log_events",
                "POWERTOOLS_METRICS_NAMESPACE": "Rootnote",
                **environment,
            },
            input=json.dumps(events),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Done(done.stdout, done.stderr)

    return run


def test_errors_become_events_that_are_analysed(invoke: Invoke, query: Query, redis_url: str) -> None:
    done = invoke(payload(NOISE[0], PYTHON, TIMED_OUT, *NOISE[1:]))

    assert done.answers == ["DONE"]
    rows = query(
        "SELECT p.key, e.event_key, e.status_code, e.occurred_at, e.payload, j.state"
        " FROM error_events e JOIN projects p ON p.id = e.project_id"
        " JOIN jobs j ON j.subject_id = e.group_id ORDER BY e.event_key"
    )
    assert [row["payload"]["message"] for row in rows] == [
        "KeyError: 'total'",
        "shop-checkout: Task timed out after 3.00 seconds",
    ]
    first = rows[0]
    assert (first["key"], first["status_code"], first["state"]) == ("shop-checkout", 500, "queued")
    assert first["event_key"] == f"log:{log_event_id(1)}"
    assert first["occurred_at"] == datetime.fromtimestamp((MILLISECONDS + 1) / 1000, UTC)
    assert first["payload"]["stack"].endswith("KeyError: 'total'")
    assert first["payload"]["extra"] == {
        "log_group": GROUP,
        "log_stream": "2026/01/15/[$LATEST]5d1edb9e525d486696cf01a3503487bc",
    }
    assert rows[1]["payload"]["extra"]["request_id"] == ID
    with redis.Redis.from_url(redis_url) as client:
        assert client.llen(AI_ANALYSIS) == 2


async def test_the_same_exception_over_http_is_the_same_group(
    invoke: Invoke, query: Query, client: httpx2.AsyncClient
) -> None:
    stack = (
        'Traceback (most recent call last):\n  File "/var/task/app.py", line 7, in handler\n'
        '    return pay(event)\n  File "/var/task/shop/cart.py", line 3, in pay\n'
        "    return cart[\"total\"]\nKeyError: 'total'\n"
    )
    event = guide_event(project_key="shop-checkout", message="Internal Server Error", stack=stack)
    sent = (await client.post("/api/v1/events", json=event)).json()

    invoke(payload(PYTHON))

    assert {str(row["group_id"]) for row in query("SELECT group_id FROM error_events")} == {sent["group_id"]}
    assert query("SELECT count(*) AS n FROM error_events")[0]["n"] == 2


def test_a_payload_that_comes_again_stores_nothing_twice(invoke: Invoke, query: Query) -> None:
    done = invoke(
        payload(PYTHON, TIMED_OUT), payload(PYTHON, TIMED_OUT), payload(PYTHON, log_group="/x/other")
    )

    assert [line["LogErrorsStored"] for line in done.metrics] == [[2.0], [0.0], [1.0]]
    assert query("SELECT count(*) AS n FROM error_events")[0]["n"] == 3


def test_what_is_no_error_is_not_stored(invoke: Invoke, query: Query) -> None:
    done = invoke(payload(*NOISE), payload(PYTHON, kind="CONTROL_MESSAGE", log_group=""))

    assert done.answers == ["DONE", "DONE"]
    assert query("SELECT count(*) AS n FROM error_events")[0]["n"] == 0
    assert query("SELECT count(*) AS n FROM projects")[0]["n"] == 0
    assert [line["LogEventsSeen"] for line in done.metrics] == [[float(len(NOISE))]]


def test_own_log_groups_are_refused(invoke: Invoke, query: Query) -> None:
    done = invoke(
        payload(PYTHON, log_group="/rootnote/staging/api"),
        payload(PYTHON, log_group="/aws/rds/instance/rootnote-staging/postgresql"),
        payload(PYTHON, log_group="/its/own"),
        payload(PYTHON, log_group="/rootnote/production/api"),
        OWN_LOG_GROUPS="/rootnote/staging/, ,/aws/rds/instance/rootnote-staging/",
        AWS_LAMBDA_LOG_GROUP_NAME="/its/own",
    )

    assert done.answers == ["DONE"] * 4
    assert [line["LogGroupsRefused"] for line in done.metrics if "LogGroupsRefused" in line] == [[1.0]] * 3
    keys = query("SELECT payload->'extra'->>'log_group' AS log_group FROM error_events")
    assert [row["log_group"] for row in keys] == ["/rootnote/production/api"]


def test_secrets_are_scrubbed_before_they_are_stored(invoke: Invoke, query: Query) -> None:
    secrets = ["hunter2-hunter2", "sk-proj-abcdefghijklmnop1234567890", "AKIAIOSFODNN7EXAMPLE"]
    line = {
        "level": "error",
        "message": f"login failed with password={secrets[0]}",
        "headers": {"Authorization": f"Bearer {secrets[1]}"},
        "err": {"type": "Error", "message": "x", "stack": f"Error: key {secrets[2]}\n    at f (/a.js:1:1)"},
    }
    done = invoke(payload(json.dumps(line), f"[ERROR]\t{AT}\t{ID}\tAPI_KEY={secrets[1]} is wrong\n"))

    stored = json.dumps([row["payload"] for row in query("SELECT payload FROM error_events")])
    titles = json.dumps([row["title"] for row in query("SELECT title FROM error_groups")])
    assert stored.count("[scrubbed]") >= 4
    for secret in secrets:
        assert secret not in stored + titles + done.text


def test_a_full_payload(invoke: Invoke, query: Query) -> None:
    lines = [PYTHON if number % 2 else f"[INFO]\t{AT}\t{ID}\tline {number}\n" for number in range(10_000)]

    done = invoke(payload(*lines), INGEST_RATE_PROJECT="")

    assert done.answers == ["DONE"]
    assert query("SELECT count(*) AS n FROM error_events")[0]["n"] == 5_000
    assert query("SELECT count(*) AS n FROM jobs")[0]["n"] == 1
    assert sum(done.metrics[0]["LogErrorsStored"]) == 5_000
    assert done.metrics[0]["LogEventsSeen"] == [10_000.0]


def test_a_flood_of_errors_in_logs_is_cut_to_the_projects_quota(invoke: Invoke, query: Query) -> None:
    small = {"MAX_BATCH_EVENTS": "4", "INGEST_RATE_PROJECT": "6/hour", "INGEST_BURST_SECONDS": "1"}
    done = invoke(payload(*[PYTHON] * 10), **small)
    assert done.answers == ["DONE"]
    assert query("SELECT count(*) AS n FROM error_events")[0]["n"] == 4
    [told] = [line for line in done.metrics if "LogErrorsRefused" in line]
    assert sum(told["LogErrorsRefused"]) == 6


def test_postgresql_away_fails_the_invocation(invoke: Invoke) -> None:
    """So that Lambda tries again, and then keeps the payload."""
    done = invoke(payload(PYTHON), DATABASE_URL="postgresql://127.0.0.1:9/rootnote", DATABASE_TIMEOUT="0.5")

    [answer] = done.answers
    assert answer.startswith("RAISED|StoreUnavailable|")
    assert done.metrics[0]["LogEventsSeen"] == [1.0]
    assert "LogErrorsStored" not in done.metrics[0]


def test_a_connection_lost_between_invocations_is_made_anew(invoke: Invoke, query: Query) -> None:
    pause = {"sleep": 0.6}
    query("ALTER ROLE rootnote SET idle_session_timeout = '300ms'")
    try:
        done = invoke(payload(PYTHON), payload(TIMED_OUT) | pause, payload(NOISE[0], PYTHON) | pause)
    finally:
        query("ALTER ROLE rootnote RESET idle_session_timeout")
    assert done.answers == ["DONE"] * 3
    assert query("SELECT count(*) AS n FROM error_events")[0]["n"] == 2


def test_one_bad_line_never_keeps_the_others_out(invoke: Invoke, query: Query) -> None:
    bad = [
        "not an object at all",
        {"id": "1", "timestamp": MILLISECONDS},
        {"id": 2, "timestamp": MILLISECONDS, "message": PYTHON},
        {"id": "3", "timestamp": 10**18, "message": PYTHON},
        {"id": "4", "timestamp": -1, "message": PYTHON},
        {"id": "5" * 300, "timestamp": MILLISECONDS, "message": PYTHON},
        {"id": "6", "timestamp": MILLISECONDS, "message": '{"level":"error","message":"\\ud800\\u0000"}'},
    ]
    done = invoke(payload(bad[0], *bad[1:], None, PYTHON))

    assert done.answers == ["DONE"]
    assert done.metrics[0]["LogEventsSeen"] == [9.0]
    messages = [row["m"] for row in query("SELECT payload->>'message' AS m FROM error_events ORDER BY 1")]
    assert messages == ["KeyError: 'total'", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"]
    assert len([line for line in done.log if line.get("message") == "log event left out"]) == 3


@pytest.mark.parametrize(
    ("event", "raised"),
    [
        ({}, "MalformedBody"),
        ({"awslogs": None}, "MalformedBody"),
        ({"awslogs": {"data": "no base64!"}}, "MalformedBody"),
        ({"awslogs": {"data": base64.b64encode(b"no gzip").decode()}}, "MalformedBody"),
        ({"awslogs": {"data": base64.b64encode(gzip.compress(b"{}")[:-9]).decode()}}, "MalformedBody"),
        (packed(b"no json"), "MalformedBody"),
        (packed(b"[" * 100_000), "MalformedBody"),
        (packed(b"[]"), "MalformedBody"),
        (packed(b'{"messageType":"DATA_MESSAGE"}'), "MalformedBody"),
        (packed(b" " * 200_000_000), "TooLarge"),
    ],
)
def test_what_is_no_payload_is_raised_and_not_shown(
    invoke: Invoke, event: dict[str, Any], raised: str
) -> None:
    """It ends in the failure destination, where somebody can look at it."""
    [answer] = invoke(event).answers

    assert answer.startswith(f"RAISED|{raised}|awslogs.data: ")


def test_the_project_may_be_given(invoke: Invoke, query: Query) -> None:
    assert invoke(payload(PYTHON), LOG_PROJECT_KEY="everything").answers == ["DONE"]
    assert [row["key"] for row in query("SELECT key FROM projects")] == ["everything"]

    [answer] = invoke(payload(PYTHON), LOG_PROJECT_KEY="no key!").answers
    assert answer.startswith("RAISED|ConfigError|LOG_PROJECT_KEY: ")


def test_metrics_and_logs(invoke: Invoke) -> None:
    done = invoke(payload(PYTHON), payload(PYTHON, PYTHON))

    for line in done.metrics:
        [definition] = line["_aws"]["CloudWatchMetrics"]
        assert (definition["Namespace"], definition["Dimensions"]) == ("Rootnote", [["Deployment"]])
        assert line["Deployment"] == "staging"
    read = [line for line in done.log if line.get("message") == "log events read"]
    assert [(line["request_id"], line["service"], line["seen"]) for line in read] == [
        ("r-0", "log_events", 1),
        ("r-1", "log_events", 2),
    ]
    assert "KeyError" not in done.text
