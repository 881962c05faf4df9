"""Metadata in trouble and under watch: who answers when, what failed, metrics, Flower, switches, cleaning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx2
import pytest
import redis

from infra.local.process import free_port
from tests.e2e.program import wait_until
from tests.e2e.projects import ANSWER, AUTH, TEXT, generate, generated, metadata_of, new_project, outcomes
from tests.e2e.stack import Stack
from tests.fakes.running import ModelServer

METRICS = (
    "project_meta_generated_total",
    "project_meta_generation_failures_total",
    "project_meta_generation_in_progress",
    "project_meta_generation_duration_seconds_count",
    "project_meta_content_length_chars_count",
    "project_meta_tags_count_count",
    "project_meta_summary_length_chars_count",
)
"""The guide's seven names; histograms are asked for their counts."""

FLOWER = ("ops", "flower-password")

_SAMPLE = re.compile(r"^(project_meta_\w+)(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


@pytest.mark.parametrize("trouble", ["500", "429"])
def test_gemini_answers_when_openai_does_not(described: Stack, describing: ModelServer, trouble: str) -> None:
    describing.script("openai", trouble)
    project_id = new_project(described)
    row = generated(described, project_id)
    assert row["summary"] == ANSWER["summary"]
    assert row["model"].startswith("gemini")
    assert outcomes(described, project_id) == [("openai", "retryable"), ("gemini", "ok")]


def test_counting_answers_when_no_model_does(
    running_stack: Stack, describing: ModelServer, unlimited: dict[str, str]
) -> None:
    running_stack.use_worker(unlimited | {"OFFLINE_ANALYSER": "true"})
    for provider in ("openai", "gemini"):
        describing.script(provider, then="503")
    project_id = new_project(running_stack)
    row = generated(running_stack, project_id)
    assert row["model"] == "extractive-1"
    assert row["summary"]
    assert row["tags"]
    assert row["confidence"] <= 0.5
    down = [("openai", "retryable"), ("gemini", "retryable")]
    assert outcomes(running_stack, project_id) == [*down, ("heuristic", "ok")]


def test_what_failed_is_shown_and_redriven(
    running_stack: Stack, describing: ModelServer, unlimited: dict[str, str]
) -> None:
    running_stack.use_worker(unlimited | {"MAX_RETRIES": "1"}, fresh=True)
    for provider in ("openai", "gemini"):
        describing.script(provider, then="503")
    project_ids = [new_project(running_stack) for _ in range(3)]
    # Five failures in a row, of all jobs that a process works at once, would open its circuit breaker.
    for project_id in project_ids[:2]:
        generate(running_stack, project_id)
    job_ids = [str(running_stack.wait_for_job(id_, "dead")["id"]) for id_ in project_ids[:2]]
    for provider in ("openai", "gemini"):
        describing.script(provider, then="content_filter")
    generate(running_stack, project_ids[2])
    job_ids.append(str(running_stack.wait_for_job(project_ids[2], "failed")["id"]))
    shown = celery(running_stack, "inspect", "failed")
    listed = running_stack.http.get("/api/v1/jobs?state=dead&state=failed").json()["items"]
    for job_id in job_ids:
        assert f"'id': '{job_id}', 'kind': 'generate_metadata'" in shown
        assert job_id in {item["id"] for item in listed}
    assert "'last_error': 'openai: HTTP 503 server_error; gemini: HTTP 503 UNAVAILABLE'" in shown

    for provider in ("openai", "gemini"):
        describing.script(provider)
    assert "1 job queued" in celery(running_stack, "control", "retry", job_ids[0])
    running_stack.wait_for_job(project_ids[0], "done")
    assert [running_stack.job_of(id_)["state"] for id_ in project_ids[1:]] == ["dead", "failed"]
    assert "jobs queued" in celery(running_stack, "control", "retry", "all")
    for project_id in project_ids:
        running_stack.wait_for_job(project_id, "done")
        assert metadata_of(running_stack, project_id)["summary"] == ANSWER["summary"]
    check_metrics(running_stack)


def celery(stack: Stack, *words: str) -> str:
    done = stack.call("celery", "-A", "worker", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_metrics(stack: Stack) -> None:
    """Of a worker that has worked three projects in vain, two of them twice, and then with success."""
    wait_until(lambda: metrics(stack)["project_meta_tags_count_count"] == 3, 5, "all is counted")
    found = metrics(stack)
    assert set(METRICS) <= found.keys()
    assert found["project_meta_generated_total"] == 3 + 3
    assert found["project_meta_generation_failures_total"] == 2 * 2 + 1
    assert found["project_meta_generation_in_progress"] == 0
    assert found["project_meta_generation_duration_seconds_count"] == 2 * 3
    assert found["project_meta_content_length_chars_sum"] == 3 * sum(len(part) for part in TEXT.values())
    assert found["project_meta_tags_count_sum"] == 3 * len(ANSWER["tags"])
    assert found["project_meta_summary_length_chars_sum"] == 3 * len(ANSWER["summary"])


def metrics(stack: Stack) -> dict[str, float]:
    """The worker's samples of metadata, those of all labels added up."""
    found: dict[str, float] = {}
    text = httpx2.get(f"http://127.0.0.1:{stack.metrics_port}/metrics", trust_env=False).text
    for name, value in _SAMPLE.findall(text):
        found[name] = found.get(name, 0) + float(value)
    return found


def test_a_wrong_key_fails_at_once(
    running_stack: Stack, describing: ModelServer, unlimited: dict[str, str]
) -> None:
    running_stack.use_worker(unlimited | {"OPENAI_API_KEY": "bad-key", "GEMINI_API_KEY": ""})
    project_id = new_project(running_stack)
    generate(running_stack, project_id)
    job = running_stack.wait_for_job(project_id, "failed")
    assert (job["reason"], job["attempts"]) == ("auth", 1)
    assert len(describing.calls()) == 1
    assert metrics(running_stack)["project_meta_generation_failures_total"] == 1


def test_flower_shows_the_tasks(
    running_stack: Stack, describing: ModelServer, unlimited: dict[str, str]
) -> None:
    """A fresh worker sends no events of tasks until somebody asks for them, which Flower does every 5 s."""
    running_stack.use_worker(unlimited, fresh=True)
    asked_before = times_asked_for_events(running_stack)
    port = free_port()
    options = (f"--port={port}", "--address=127.0.0.1", f"--basic-auth={FLOWER[0]}:{FLOWER[1]}")
    flower = running_stack.run("flower", "celery", "-A", "worker", "flower", *options)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            wait_until(lambda: status_of(http, "/api/tasks") == 401, 30, "Flower listens")
            assert status_of(http, "/api/tasks", ("ops", "wrong")) == 401
            wait_until(
                lambda: "worker@e2e" in http.get("/workers", auth=FLOWER).text, 15, "it knows the worker"
            )
            wait_until(
                lambda: times_asked_for_events(running_stack) > asked_before,
                15,
                "it asks for the tasks' events",
            )
            project_id = new_project(running_stack)
            job_id = generate(running_stack, project_id).json()["job_id"]

            def seen() -> bool:
                task = http.get("/api/tasks", auth=FLOWER).json().get(job_id, {})
                return (task.get("name"), task.get("state")) == ("generate_project_meta", "SUCCESS")

            wait_until(seen, 15, "Flower shows the task")
    finally:
        flower.kill()


def times_asked_for_events(stack: Stack) -> int:
    return stack.programs["worker"].text().count("Events of group {task} enabled by remote.")


def status_of(http: httpx2.Client, path: str, auth: tuple[str, str] | None = None) -> int:
    """0 while nobody listens."""
    try:
        return http.get(path, auth=auth).status_code
    except httpx2.TransportError:
        return 0


def test_hidden_metadata_is_made_and_kept_but_not_shown(described: Stack) -> None:
    project_id = new_project(described, tags=["Own tag"])
    generated(described, project_id)
    with another_api(described, NEXT_PUBLIC_SHOW_AI_META="false") as http:
        shown = http.get(f"/api/projects/{project_id}/metadata").json()
        assert (shown["summary"], shown["tags"], shown["model"]) == (None, ["Own tag"], None)
        assert shown["sources"] == {"tags": "people"}
        answer = http.post(f"/api/projects/{project_id}/generate_metadata/", headers=AUTH)
        assert answer.json()["metadata"]["summary"] is None
        without_own = new_project(described)
        generated(described, without_own)
        assert http.get(f"/api/projects/{without_own}/metadata").status_code == 404
        exists = http.post(f"/api/projects/{without_own}/generate_metadata/", headers=AUTH)
        assert exists.json() == {"status": "exists", "metadata": None}


def test_switched_off_nothing_is_generated(
    running_stack: Stack, describing: ModelServer, unlimited: dict[str, str]
) -> None:
    project_id = new_project(running_stack)
    with another_api(running_stack, ENABLE_STI="false") as http:
        refused = http.post(f"/api/projects/{project_id}/generate_metadata/", headers=AUTH)
    assert refused.status_code == 409
    assert "ENABLE_STI" in refused.json()["detail"]
    assert running_stack.query("SELECT 1 FROM jobs WHERE project_id = %s", UUID(project_id)) == []
    running_stack.use_worker(unlimited | {"ENABLE_STI": "false"})
    generate(running_stack, project_id)
    assert running_stack.wait_for_job(project_id, "skipped")["reason"] == "switched off"
    assert describing.calls() == []


@contextmanager
def another_api(stack: Stack, **settings: str) -> Iterator[httpx2.Client]:
    """A second API process on the same database, with settings of its own."""
    port = free_port()
    serve = ("--factory", "handlers.app:create_app", "--host", "127.0.0.1", "--port", str(port))
    program = stack.run("another-api", "uvicorn", *serve, "--no-access-log", **settings)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            wait_until(lambda: status_of(http, "/healthz") == 200, 30, "the other API listens")
            yield http
    finally:
        program.kill()


def test_the_cleanup_forgets_old_drafts(described: Stack) -> None:
    draft, published = (new_project(described, status=status) for status in ("draft", "published"))
    for project_id in (draft, published):
        generated(described, project_id)
    described.query("UPDATE projects SET updated_at = now() - interval '91 days' RETURNING id")
    celery(described, "call", "cleanup_old_metadata")

    def left() -> list[UUID]:
        rows = described.query(
            "SELECT project_id FROM project_metadata WHERE project_id = ANY(%s)",
            [UUID(draft), UUID(published)],
        )
        return [row["project_id"] for row in rows]

    wait_until(lambda: left() == [UUID(published)], 15, "the draft's metadata is gone")
    assert described.http.get(f"/api/projects/{draft}").status_code == 200


def test_beat_keeps_the_guides_schedule(running_stack: Stack) -> None:
    with redis.Redis.from_url(running_stack.redis_url, decode_responses=True) as client:
        schedules = {
            name: json.loads(str(client.hget(f"rootnote:beat:{name}", "definition")))["schedule"]
            for name in ("generate_missing_metadata_nightly", "cleanup_old_metadata")
        }
    nightly, weekly = schedules.values()
    assert {str(nightly["hour"]), str(nightly["minute"]), nightly["day_of_week"]} == {"2", "0", "*"}
    assert weekly["day_of_week"] == "sunday"
