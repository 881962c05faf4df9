"""What an operator does: ask the workers, read metrics, open Flower, restart beat, add a worker."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from infra.local.process import free_port
from tests.e2e.conftest import GEMINI_KEY, OPENAI_KEY
from tests.e2e.program import Program, wait_until
from tests.e2e.stack import DATABASE_PASSWORD, DEV_TOKEN, Stack, new_event

_SAMPLE = re.compile(r"^(rootnote_\w+)(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


def test_workers_answer_questions(stack: Stack) -> None:
    asked = {
        command: stack.run(f"inspect-{command}", "celery", "-A", "worker", "inspect", command)
        for command in ("ping", "active", "stats")
    }
    codes = {command: program.wait(30) for command, program in asked.items()}
    texts = {command: program.text() for command, program in asked.items()}
    for program in asked.values():
        program.kill()
    assert codes == dict.fromkeys(asked, 0), texts
    assert "pong" in texts["ping"]
    assert "worker@e2e: OK" in texts["active"]
    assert "prefetch_count" in texts["stats"]


def test_metrics_of_api_and_worker(stack: Stack) -> None:
    answer = stack.post(new_event())
    stack.wait_for_job(answer["group_id"], "done")
    api = metrics(f"{stack.url}/metrics")
    assert api["rootnote_events_received_total"] >= 1
    assert api["rootnote_ingest_duration_seconds_count"] >= 1

    def worked() -> float:
        return metrics(f"http://127.0.0.1:{stack.metrics_port}/metrics").get("rootnote_jobs_total", 0)

    wait_until(worked, 5, "the worker has counted its job")
    assert (
        metrics(f"http://127.0.0.1:{stack.metrics_port}/metrics")["rootnote_job_duration_seconds_count"] >= 1
    )


def metrics(url: str) -> dict[str, float]:
    """Rootnote's samples, those of all labels added up."""
    found: dict[str, float] = {}
    for name, value in _SAMPLE.findall(httpx2.get(url, trust_env=False).text):
        found[name] = found.get(name, 0) + float(value)
    return found


@pytest.fixture
def flower(stack: Stack) -> Iterator[str]:
    """Its URL."""
    port = free_port()
    options = (f"--port={port}", "--address=127.0.0.1", "--basic-auth=ops:flower-password")
    program = stack.run("flower", "celery", "-A", "worker", "flower", *options)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: listens(url, program), 30, "Flower listens")
        yield url
    finally:
        program.kill()


def listens(url: str, program: Program) -> bool:
    assert program.is_alive(), program.text()
    try:
        return httpx2.get(url, trust_env=False).status_code > 0
    except httpx2.TransportError:
        return False


def test_flower_asks_for_a_password(flower: str) -> None:
    with httpx2.Client(base_url=flower, trust_env=False) as http:
        assert http.get("/workers").status_code == 401
        assert http.get("/workers", auth=("ops", "wrong")).status_code == 401

        def knows_the_worker() -> bool:
            page = http.get("/workers", auth=("ops", "flower-password"))
            return page.status_code == 200 and "worker@e2e" in page.text

        wait_until(knows_the_worker, 15, "Flower shows the worker")


def test_beat_goes_on_after_a_restart(stack: Stack) -> None:
    stack.programs["beat"].terminate()
    assert stack.programs["beat"].wait(10) == 0
    stack.launch("beat")
    stack.wait_for_sweeps(2)
    stack.wait_until_ready()


def test_two_workers_share_the_load(stack: Stack) -> None:
    second = stack.launch("second", WORKER_METRICS_PORT=str(free_port()))
    wait_until(lambda: "second@e2e ready" in second.text(), 30, "the second worker is ready")
    before = done_by(stack.programs["worker"])
    group_ids = [stack.post(new_event())["group_id"] for _ in range(40)]
    for group_id in group_ids:
        stack.wait_for_job(group_id, "done")
    shares = done_by(stack.programs["worker"]) - before, done_by(second)
    stack.programs.pop("second").kill()
    assert min(shares) > 0
    assert sum(shares) == 40


def done_by(worker: Program) -> int:
    return sum(line.get("message") == "job done" for line in worker.lines())


def test_no_log_holds_a_secret(modelled: Stack) -> None:
    """After all of the above, by programs that knew every one of them."""
    modelled.wait_for_job(modelled.post(new_event())["group_id"], "done")
    group_id = modelled.post(new_event())["group_id"]
    modelled.http.post(f"/api/v1/groups/{group_id}/analyse", headers={"Authorization": f"Bearer {DEV_TOKEN}"})
    modelled.wait_for_job(group_id, "done")
    logs = {path.name: path.read_text(errors="replace") for path in modelled.folder.glob("*.log")}
    assert {"api.log", "worker.log", "beat.log", "flower.log", "inspect-stats.log"} <= logs.keys()
    for secret in (DEV_TOKEN, DATABASE_PASSWORD, OPENAI_KEY, GEMINI_KEY, "flower-password"):
        assert [name for name, text in logs.items() if secret in text] == []
