"""Secrets of many kinds in every field, through the whole flow; then one look through all there is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest

from core.domain.access import hash_key, new_key
from infra.local.postgres import PostgresServer
from infra.local.process import free_port
from infra.local.valkey import ValkeyServer
from tests.conftest import ROOT, migrated_database
from tests.e2e.program import wait_until
from tests.e2e.projects import AUTH
from tests.e2e.stack import Row, Stack
from tests.fakes.cloudwatch_logs import payload
from tests.fakes.running import ModelServer
from tests.fakes.secrets_and_queues import running_aws
from tests.untrusted.haystack import as_json, found_in, keys_of, monitored, tables_of
from tests.untrusted.planted import KINDS, Garden

_KEPT = "kept-words-beside"
_JOB_SECONDS = 120
_LAMBDA = """
import json, sys
from types import SimpleNamespace
from handlers.{module} import handler
handler(json.load(sys.stdin), SimpleNamespace(aws_request_id="r-1", function_name="{module}"))
"""


@pytest.fixture(scope="module")
def planted_stack(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack of its own that logs all it can, on another of Redis's databases than the shared one."""
    database_url = migrated_database(postgres, "planted")
    folder = tmp_path_factory.mktemp("planted")
    redis_url = valkey.url.removesuffix("/0") + "/5"
    with Stack(folder, database_url=database_url, redis_url=redis_url, LOG_LEVEL="DEBUG") as stack:
        yield stack


@pytest.mark.timeout(400)
def test_no_planted_secret_is_found_anywhere(
    planted_stack: Stack, models: ModelServer, unlimited: dict[str, str]
) -> None:
    stack, garden = planted_stack, Garden()
    stack.use_worker(unlimited)
    heard: dict[str, str] = {}
    with monitored(stack.redis_url) as commands:
        models.answer("openai", _leaking_analysis(garden))
        heard["answers"] = as_json([*_send_events(stack, garden), *_send_with_headers(stack, garden)])
        _read_logs(stack, garden)
        heard["SQS"] = _send_by_buffer(stack, garden)
        _wait_for_all(stack)
        models.answer("openai", _leaking_metadata(garden))
        heard["projects"] = _describe_projects(stack, garden)
        _wait_for_all(stack)
        heard["what the API shows"] = _read_all(stack)
        heard["commands"] = _run_commands(stack)
    heard["what Redis was told"] = "\n".join(commands)
    haystack = heard | tables_of(stack.database_url) | _said(stack, models)
    haystack["Redis"] = keys_of(stack.redis_url)

    assert "\n".join(found_in(haystack, garden.all)) == ""
    stored = haystack["table error_events"]
    assert [kind for kind in KINDS if f"{_KEPT} {kind}" not in stored] == []
    assert "[scrubbed]" in stored
    assert len(garden.all) > 900
    assert len(commands) > 100


def _event(garden: Garden, kind: str, number: int, way: str) -> Row:
    """All fields of one event planted with one kind."""

    def text(place: str, limit: int = 10_000, *, one_line: bool = False) -> str:
        return garden.fitting(kind, f"{way}, {place}", limit=limit, one_line=one_line)

    return {
        "project_key": f"{way}-{number}",
        "message": f"{_KEPT} {kind}: {text('message')}",
        "stack": (
            f'Traceback (most recent call last):\n  File "/srv/a.py", line {number + 1}, in call_{number}\n'
            f"    {text('stack')}\n    locals:\n      {text('locals')}\nValueError: {text('exception')}"
        ),
        "method": text("method", 20),
        "path": f"/pay/{number}?{text('path')}",
        "status_code": 500,
        "timestamp": "2026-01-15T12:00:00Z",
        "event_id": text("event_id", 150) + f" {number}",
        "environment": text("environment", 200),
        "release": text("release", 200),
        "extra": {
            "headers": {"via": text("headers"), "list": [["X-A", text("header list")]]},
            "nested": [{"deep": [{"er": text("nested")}]}],
            text("key"): "value",
            "body": json.dumps({"inner": text("JSON in extra")}),
        },
        "unknown_field": text("unknown field"),
    }


def _send_events(stack: Stack, garden: Garden) -> list[Any]:
    events = [_event(garden, kind, number, "batch") for number, kind in enumerate(KINDS)]
    response = stack.http.post("/api/v1/events/batch", json={"events": events})
    assert response.json()["accepted"] == len(KINDS), response.text
    bad = events[0] | {"status_code": garden.plant("pair", "a wrong field").text}
    refused = stack.http.post("/api/v1/events", json=bad)
    assert refused.status_code == 422
    return [response.json(), refused.json()]


def _send_with_headers(stack: Stack, garden: Garden) -> list[Any]:
    """Headers take one line of ASCII; the id of a request, what looks like an id."""
    answers = []
    for number, kind in enumerate(KINDS):
        headers = {
            "Idempotency-Key": garden.fitting(kind, "Idempotency-Key", limit=180),
            "X-Request-ID": garden.fitting(kind, "X-Request-ID", limit=64),
            "User-Agent": garden.fitting(kind, "User-Agent", limit=500),
            "Referer": garden.fitting(kind, "Referer", limit=500),
        }
        if kind in {"GitHub", "OpenAI", "own key", "GitLab"}:
            bare = garden.plant(kind, "X-Request-ID").secret
            headers["X-Request-ID"] = bare
            response = stack.http.get(f"/api/v1/events/{garden.plant(kind, 'URL').secret}")
            answers.append({**response.json(), "headers": dict(response.headers)})
            keyed = stack.http.post(
                "/api/v1/events", json={"project_key": garden.plant(kind, "project_key").secret}
            )
            assert keyed.status_code == 422
            answers.append(keyed.json())
        event = {
            "project_key": f"headers-{number}", "message": f"x {number}", "path": f"/h/{number}",
            "status_code": 500, "timestamp": "2026-01-15T12:00:00Z",
        }  # fmt: skip
        response = stack.http.post(
            "/api/v1/events", json=event, headers={k: v.strip() for k, v in headers.items()}
        )
        assert response.status_code == 202, (kind, response.text)
        answers.append({**response.json(), "headers": dict(response.headers)})
    return answers


def _read_logs(stack: Stack, garden: Garden) -> None:
    """CloudWatch's lines: JSON of a logger, and plain ones."""
    lines = [
        line
        for kind in KINDS
        for line in (
            json.dumps(
                {
                    "level": "error",
                    "message": f"{kind} {garden.plant(kind, 'a log message').text}",
                    "request": {"headers": garden.plant(kind, "a log field").text},
                    "err": {
                        "type": "E",
                        "stack": f"E: {garden.plant(kind, 'a log stack').text}\n at f (/a.js:1:1)",
                    },
                }
            ),
            f"[ERROR]\t2026-01-15T12:00:00.123Z\tid\t{garden.fitting(kind, 'a log line', limit=9_000)}\n",
        )
    ]
    _invoke(stack, "log_events", payload(*lines))


def _send_by_buffer(stack: Stack, garden: Garden) -> str:
    """What waits in SQS while PostgreSQL is away, and is stored afterwards."""
    key, port = new_key(), free_port()
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'ingest')", (uuid4(), hash_key(key))
        )
        connection.execute("INSERT INTO projects (id, key) VALUES (%s, 'buffered')", (uuid4(),))
    with running_aws() as aws:
        away = {
            **aws.environment,
            "DATABASE_URL": "postgresql://127.0.0.1:9/rootnote",
            "DATABASE_TIMEOUT": "1",
            "AUTH": "required",
            "EVENT_BUFFER_URL": aws.queue_url("buffer"),
        }
        serve = (
            "uvicorn",
            "--factory",
            "handlers.app:create_app",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        )
        api = stack.run("away", *serve, **away)
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
                wait_until(lambda: _answers(http), 45, "the API without a database answers")
                events = [
                    _event(garden, kind, number, "buffered") | {"project_key": "buffered"}
                    for number, kind in enumerate(KINDS)
                ]
                headers = {"Authorization": f"Bearer {key}"}
                sent = http.post("/api/v1/events/batch", json={"events": events}, headers=headers)
        finally:
            api.kill()
        assert sent.json()["accepted"] == len(KINDS), sent.text
        bodies = [entry["MessageBody"] for entry in aws.queues[aws.queue_url("buffer")]]
    records = [
        {
            "messageId": f"m{n}",
            "body": body,
            "eventSource": "aws:sqs",
            "attributes": {},
            "messageAttributes": {},
        }
        for n, body in enumerate(bodies)
    ]
    _invoke(stack, "buffered_events", {"Records": records})
    stored = stack.query("SELECT count(*) AS n FROM error_events e JOIN projects p ON p.id = e.project_id"
                         " WHERE p.key = 'buffered'")  # fmt: skip
    assert stored == [{"n": len(KINDS)}]
    return "\n".join([*bodies, sent.text])


def _answers(http: httpx2.Client) -> bool:
    try:
        return http.get("/healthz").status_code == 200
    except httpx2.HTTPError:
        return False


def _invoke(stack: Stack, module: str, event: object) -> None:
    """As Lambda would; what it prints is a log like the others."""
    done = subprocess.run(
        [sys.executable, "-c", _LAMBDA.format(module=module)],
        cwd=ROOT,
        env={**stack.environment, "POWERTOOLS_METRICS_NAMESPACE": "Rootnote", "DEPLOYMENT": "e2e"},
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=False,
    )
    Path(stack.folder, f"{module}.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr[-2_000:]


def _describe_projects(stack: Stack, garden: Garden) -> str:
    answers = []
    for number, kind in enumerate(KINDS):

        def text(place: str, limit: int = 1_900, kind: str = kind) -> str:
            return garden.fitting(kind, f"a project's {place}", limit=limit, one_line=False)

        fields = {
            "key": f"project-{number}",
            "title": text("title", 400),
            "description": f"A tide calendar. {text('description')}",
            "content": f"For harbour masters, number {number}. {text('content')}",
            "instructions": f"Be brief. {text('instructions')}",
        }
        people = {
            "summary": text("summary"),
            "tags": [text("tag", 40)],
            "category": text("category", 100),
            "keywords": [text("keyword", 40)],
        }
        # Half of them leave their metadata to the model.
        path = f"/api/projects/{uuid4()}"
        told = stack.http.put(path, json=fields | (people if number % 2 else {}), headers=AUTH)
        assert told.status_code == 201, (kind, told.text)
        answers += [told.text, stack.http.post(f"{path}/generate_metadata/", headers=AUTH).text]
    return "\n".join(answers)


def _leaking_analysis(garden: Garden) -> Row:
    """A model that has learnt secrets elsewhere, and tells them."""
    return {
        "root_cause": "\n".join(garden.plant(kind, "a model's cause").text for kind in KINDS)[:7_900],
        "category": "timeout",
        "evidence": [garden.plant("pair", "a model's quote").text],
        "suggested_fix": garden.plant("GitHub", "a model's fix").text,
        "unknowns": [garden.plant("JSON", "a model's unknown").text],
        "confidence": 0.9,
        "inconclusive": False,
    }


def _leaking_metadata(garden: Garden) -> Row:
    return {
        "summary": f"A tide calendar. {garden.plant('pair', 'a model summary').text}",
        "tags": ["tide", garden.plant("GitHub", "a model's tag").secret],
        "category": "navigation",
        "keywords": ["tide calendar", garden.plant("sentence", "a model's keyword").text],
        "language": "en",
        "confidence": 0.9,
    }


def _wait_for_all(stack: Stack) -> None:
    def waiting() -> int:
        [row] = stack.query("SELECT count(*) AS n FROM jobs WHERE state IN ('queued', 'running')")
        return int(row["n"])

    wait_until(lambda: waiting() == 0, _JOB_SECONDS, "all jobs have ended")
    assert stack.query("SELECT DISTINCT state FROM jobs") == [{"state": "done"}]


def _read_all(stack: Stack) -> str:
    ids = stack.query("SELECT id FROM projects")
    paths = [
        "/api/v1/events?limit=200",
        "/api/v1/groups?limit=200",
        "/api/v1/jobs?limit=200",
        "/api/v1/usage",
        "/api/projects?limit=200",
        *(f"/api/projects/{row['id']}/metadata" for row in ids[-60:]),
    ]
    return "\n".join(stack.http.get(path, headers=AUTH).text for path in paths)


def _run_commands(stack: Stack) -> str:
    commands = (
        ("core.cli", "projects", "list"),
        ("core.cli", "usage"),
        ("celery", "-A", "worker", "inspect", "failed"),
        ("celery", "-A", "worker", "inspect", "stats"),
    )
    called = [stack.call(*command) for command in commands]
    return "\n".join(done.stdout + done.stderr for done in called)


def _said(stack: Stack, models: ModelServer) -> dict[str, str]:
    """Logs, metrics, and what the models were sent."""
    ports = (stack.port, stack.metrics_port, stack.maintenance_metrics_port)
    metrics = [httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text for port in ports]
    logs = {f"log {path.stem}": path.read_text(errors="replace") for path in stack.folder.glob("*.log")}
    return {"metrics": "\n".join(metrics), "models": as_json(list(models.calls())), **logs}
