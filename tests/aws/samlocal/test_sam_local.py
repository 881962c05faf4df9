"""One event from HTTP to its analysis, through the bundle in a Lambda container under `sam local`."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.containers.engine import Engine
from infra.local.process import port_is_taken
from infra.samlocal.command import forget
from infra.samlocal.engines import prepared, remove_containers
from tests.aws.samlocal.conftest import PLACES
from tests.aws.samlocal.running import SamLocal, alive
from tests.e2e.program import wait_until

EVENT = {
    "project_key": "test",
    "message": "KeyError: 'total'",
    "method": "GET",
    "path": "/api/invoice",
    "status_code": 500,
    "timestamp": "2026-01-15T12:00:00Z",
}
ANALYSED_SECONDS = 30.0
GONE_SECONDS = 60.0
WARM_CALLS = 20

Tell = Callable[[str], None]


@pytest.mark.timeout(240)
def test_an_event_goes_in_by_http_and_its_analysis_comes_out(
    sam_local: SamLocal, env: dict[str, str], engine: Engine, tell: Tell
) -> None:
    began = time.monotonic()
    servers = sam_local.wait_until_ready()
    key = sam_local.key
    whole = time.monotonic() - began
    tell(f"sam local: ready {whole:.1f} s after the command, {servers:g} s after `sam build`")

    refused = sam_local.ask("GET", "/api/v1/events")
    tell(f"  GET /api/v1/events without a key: {refused.status} in {refused.milliseconds:.0f} ms")
    assert refused.status == 401
    assert sam_local.ask("POST", "/api/v1/events", EVENT).status == 401

    sent = sam_local.ask("POST", "/api/v1/events", EVENT, key=key)
    tell(f"  POST /api/v1/events: {sent.status} {sent.body} in {sent.milliseconds:.0f} ms")
    assert (sent.status, sent.body["analysis"]) == (202, "queued")

    def analysed() -> dict[str, Any]:
        read = sam_local.ask("GET", f"/api/v1/events/{sent.body['id']}", key=key)
        assert read.status == 200
        return read.body["analysis"] or {}

    asked = time.monotonic()
    analysis = wait_until(analysed, ANALYSED_SECONDS, "the worker's analysis is read through sam local")
    tell(f"  GET it: analysed by {analysis['model']} {time.monotonic() - asked:.1f} s later")
    assert analysis["model"] == "heuristic-1"
    assert "KeyError" in analysis["analysis_text"]

    calls = [sam_local.ask("GET", "/api/v1/events", key=key) for _ in range(WARM_CALLS)]
    assert {call.status for call in calls} == {200}
    tell(f"  a warm call: {statistics.median(call.milliseconds for call in calls):.0f} ms (median)")

    measured = sam_local.invoke("BacklogMetricFunction", env)
    tell(f"  sam local invoke BacklogMetricFunction: {measured}")
    assert (measured["backlog"], measured["failed_jobs"]) == (0, 0)

    processes = sam_local.processes()
    names = {process.name() for process in processes}
    assert {"sam", "aws-lambda-rie"} <= {name[:14] for name in names}, names
    seconds = sam_local.end(signal.SIGTERM)
    nothing_is_left(sam_local, processes, engine)
    assert sam_local.program.wait(0) == 0
    tell(f"  stopped in {seconds:.1f} s: {len(processes)} processes, containers, network and port are gone")


@pytest.mark.timeout(240)
def test_what_is_killed_leaves_neither_processes_nor_containers(
    sam_local: SamLocal, engine: Engine, tell: Tell
) -> None:
    sam_local.wait_until_ready()
    processes = sam_local.processes()
    began = time.monotonic()
    sam_local.end(signal.SIGKILL)
    wait_until(lambda: not any(map(alive, processes)), GONE_SECONDS, "all of its processes are gone")
    tell(f"sam local, killed: all is gone {time.monotonic() - began:.1f} s later")
    assert not containers_left(sam_local, engine)
    assert not port_is_taken(sam_local.port)
    # What the next start would do.
    with prepared(engine, PLACES.containers) as found:
        assert remove_containers(found.engine, PLACES.build) == 0
    forget(PLACES)


def nothing_is_left(sam_local: SamLocal, processes: list[Any], engine: Engine) -> None:
    assert not [process for process in processes if alive(process)]
    assert not containers_left(sam_local, engine)
    assert not port_is_taken(sam_local.port)
    assert not [path for path in files_of_a_run() if path.exists()]
    assert engine.attempt("network", "inspect", "rootnote-samlocal", seconds=60).returncode != 0


def containers_left(sam_local: SamLocal, engine: Engine) -> list[str]:
    listed = engine.call("ps", "--all", "--quiet", "--no-trunc", seconds=60).split()
    made = sam_local.containers()
    assert made
    return [id_ for id_ in listed if id_ in made]


def files_of_a_run() -> list[Path]:
    return [PLACES.local / "env", PLACES.session, PLACES.env_json]
