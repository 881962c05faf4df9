"""The error guide, followed to the letter: its curl, its SQL, and what it promises in between."""

from __future__ import annotations

import shutil
import subprocess
from uuid import UUID

import httpx2

from tests.e2e.program import Program, wait_until
from tests.e2e.stack import Row, Stack, new_event
from tests.fakes.running import ModelServer

CURL = """\
curl -X POST http://localhost:8000/api/v1/events \\
  -H "Content-Type: application/json" \\
  -d '{
    "project_key": "test",
    "message": "Server error",
    "method": "GET",
    "path": "/api/test",
    "status_code": 500,
    "timestamp": "2024-01-15T12:00:00Z"
  }'
"""

SQL = """\
SELECT 
    e.id as error_id,
    e.status_code,
    e.payload->>'message' as error_message,
    a.analysis_text,
    a.model,
    a.confidence,
    a.created_at
FROM error_events e
LEFT JOIN error_analysis a ON e.id = a.error_event_id
WHERE e.status_code >= 500
ORDER BY e.created_at DESC
LIMIT 5;
"""  # noqa: W291  (as the guide prints it)


def test_the_guides_curl_and_sql(stack: Stack) -> None:
    status, answer = run_curl(stack)
    assert status == 202
    assert answer["analysis"] == "queued"

    def found() -> list[Row]:
        rows = stack.query(SQL)
        return [row for row in rows if str(row["error_id"]) == answer["id"] and row["analysis_text"]]

    [row] = wait_until(found, 10, "the guide's SQL shows an analysis")
    assert row["status_code"] == 500
    assert row["error_message"] == "Server error"
    assert row["model"] == "heuristic-1"
    assert 0 <= row["confidence"] <= 1
    check_reads(stack, answer, row)


def check_reads(stack: Stack, answer: Row, row: Row) -> None:
    event = stack.http.get(f"/api/v1/events/{answer['id']}").json()
    group = stack.http.get(f"/api/v1/groups/{answer['group_id']}").json()
    assert event["payload"]["message"] == "Server error"
    assert group["job_state"] == "done"
    assert group["event_count"] >= 1
    for shown in (event["analysis"], group["analysis"]):
        assert shown["analysis_text"] == row["analysis_text"]
        assert shown["model"] == "heuristic-1"
        assert shown["detail"]["root_cause"]


def test_a_client_error_is_never_analysed(stack: Stack) -> None:
    event = new_event(status_code=404, message="Not found")
    answer = stack.post(event)
    assert answer["analysis"] == "not_required"
    # A server error of the same project, so that the worker has been at work meanwhile.
    stack.wait_for_analysis(stack.post(event | {"status_code": 503, "message": "Unavailable"})["id"])
    stack.wait_for_sweeps(3)
    id_ = UUID(answer["id"])
    assert stack.query("SELECT 1 FROM error_analysis WHERE error_event_id = %s", id_) == []
    assert stack.query("SELECT 1 FROM jobs WHERE subject_id = %s", UUID(answer["group_id"])) == []
    assert stack.http.get(f"/api/v1/events/{answer['id']}").json()["analysis"] is None


def test_one_request_id_from_the_call_to_the_model(modelled: Stack, models: ModelServer) -> None:
    request_id = "e2e-request.1"
    answer = modelled.post(new_event(), **{"X-Request-ID": request_id})
    job = modelled.wait_for_job(answer["group_id"], "done")
    assert job["request_id"] == request_id
    assert says(modelled.programs["api"], request_id, "POST /api/v1/events 202")
    assert says(modelled.programs["worker"], request_id, "job done")
    [call] = models.calls()
    headers = call["headers"]
    assert isinstance(headers, dict)
    assert headers["x-request-id"] == request_id


def says(program: Program, request_id: str, message: str) -> bool:
    return any(
        line.get("request_id") == request_id and line.get("message") == message for line in program.lines()
    )


def run_curl(stack: Stack) -> tuple[int, Row]:
    """The printed command, at this stack's port."""
    command = CURL.replace("localhost:8000", f"localhost:{stack.port}")
    if shutil.which("curl") is None:
        body = command.split("-d '")[1].rstrip("'\n")
        response = stack.http.post(
            "/api/v1/events", content=body, headers={"Content-Type": "application/json"}
        )
        return response.status_code, response.json()
    quiet = f"{command.rstrip()} --silent --show-error --noproxy '*' --dump-header -"
    done = subprocess.run(["sh", "-c", quiet], capture_output=True, text=True, check=True, timeout=20)
    head, _, body = done.stdout.partition("\n\n")
    answer: Row = httpx2.Response(200, text=body).json()
    return int(head.split()[1]), answer
