"""The metadata guide, followed to the letter: its Python, its curl, and who may do what."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from uuid import uuid4

import httpx2
import pytest

from tests.conftest import ROOT
from tests.e2e.projects import ANSWER, AUTH, TEXT, generate, metadata_of, new_project, outcomes
from tests.e2e.stack import DEV_TOKEN, Row, Stack
from tests.fakes.running import ModelServer

DELAY = """\
import json, sys
from worker.tasks import generate_project_meta

# Generate metadata for a specific project
task = generate_project_meta.delay(sys.argv[1])
result = task.get(timeout=30)
print(json.dumps(result))
"""

GROUP = """\
import json, sys
from worker.tasks import generate_project_meta
from celery import group

# Process multiple projects in parallel
tasks = group(generate_project_meta.s(str(id)) for id in sys.argv[1:])
results = tasks.apply_async()
print(json.dumps(results.get(timeout=30)))
"""

AWAIT = """\
import json, sys
from worker.tasks import generate_project_meta
print(json.dumps(generate_project_meta.AsyncResult(sys.argv[1]).get(timeout=30)))
"""

CURL = """\
curl -X POST \\
  http://localhost:8000/api/projects/{project_id}/generate_metadata/ \\
  -H "Authorization: Bearer {token}"
"""


def run_python(stack: Stack, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process that knows the two URLs and where the code is, and nothing else."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": stack.database_url,
            "REDIS_URL": stack.redis_url,
        },
        cwd=stack.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def results_of(stack: Stack, script: str, *arguments: str) -> object:
    done = run_python(stack, script, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_delay_and_get(described: Stack) -> None:
    project_id = new_project(described)
    result = results_of(described, DELAY, project_id)
    assert isinstance(result, dict)
    assert result["status"] == "done"
    assert result["metadata"] == ANSWER | {"model": metadata_of(described, project_id)["model"]}
    assert outcomes(described, project_id) == [("openai", "ok")]
    again = results_of(described, DELAY, project_id)
    assert again == {"status": "exists", "metadata": result["metadata"]}
    assert outcomes(described, project_id) == [("openai", "ok")]


def test_a_group_of_projects(described: Stack) -> None:
    project_ids = [new_project(described) for _ in range(5)]
    results = results_of(described, GROUP, *project_ids)
    assert isinstance(results, list)
    assert [result["status"] for result in results] == ["done"] * 5
    assert [outcomes(described, id_) for id_ in project_ids] == [[("openai", "ok")]] * 5


@pytest.mark.parametrize(
    ("argument", "error"),
    [("00000000-0000-4000-8000-000000000000", "no project"), ("project-uuid-here", "project_id: is no UUID")],
)
def test_get_tells_what_was_wrong_with_the_id(described: Stack, argument: str, error: str) -> None:
    done = run_python(described, DELAY, argument)
    assert done.returncode == 1
    assert error in done.stderr.splitlines()[-1]


def test_ten_a_minute_unless_told_otherwise(
    running_stack: Stack, describing: ModelServer, model_settings: dict[str, str]
) -> None:
    running_stack.use_worker(model_settings)
    project_ids = [new_project(running_stack) for _ in range(11)]
    results = results_of(running_stack, GROUP, *project_ids)
    assert isinstance(results, list)
    assert sorted(result["status"] for result in results) == ["done"] * 10 + ["queued"]
    assert [result["due_at"] for result in results if result["status"] == "queued"]
    assert len(describing.calls()) == 10
    for project_id in project_ids:
        running_stack.http.delete(f"/api/projects/{project_id}", headers=AUTH)


def test_the_guides_curl(described: Stack) -> None:
    project_id = new_project(described)
    status, queued = run_curl(described, project_id)
    assert (status, queued["status"]) == (202, "queued")
    job = described.wait_for_job(project_id, "done")
    assert queued["job_id"] == queued["task_id"] == str(job["id"])
    for ending in ("/", ""):
        status, answer = run_curl(described, project_id, ending)
        assert (status, answer["status"]) == (200, "exists")
        assert answer["metadata"]["summary"] == ANSWER["summary"]
    assert len(described.calls_of(project_id)) == 1
    for number, ending in enumerate(("/?force=true", "?force=true"), start=2):
        assert run_curl(described, project_id, ending) == (202, queued)
        described.wait_for_job(project_id, "done")
        assert outcomes(described, project_id) == [("openai", "ok")] * number


def run_curl(stack: Stack, project_id: str, ending: str = "/") -> tuple[int, Row]:
    """The printed command with this stack's port, its token, and another end of the path."""
    command = CURL.replace("localhost:8000", f"localhost:{stack.port}").rstrip()
    command = command.replace("{project_id}", project_id).replace("{token}", DEV_TOKEN)
    command = command.replace("generate_metadata/", f"generate_metadata{ending}")
    if shutil.which("curl") is None:
        response = stack.http.post(f"/api/projects/{project_id}/generate_metadata{ending}", headers=AUTH)
        return response.status_code, response.json()
    quiet = f"{command} --silent --show-error --noproxy '*' --dump-header -"
    done = subprocess.run(["sh", "-c", quiet], capture_output=True, text=True, check=True, timeout=20)
    head, _, body = done.stdout.partition("\n\n")
    return int(head.split()[1]), json.loads(body)


def test_who_may_generate_and_what(described: Stack) -> None:
    project_id = new_project(described)
    path = f"/api/projects/{project_id}/generate_metadata/"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": DEV_TOKEN}):
        check_problem(described.http.post(path, headers=headers), 401)
    check_problem(generate(described, str(uuid4())), 404)
    check_problem(generate(described, "project-uuid-here"), 422)
    check_problem(generate(described, project_id, "?force=perhaps"), 422)
    check_problem(described.http.get(f"/api/projects/{project_id}/metadata"), 404)
    assert described.query("SELECT 1 FROM jobs WHERE project_id = %s", project_id) == []


def check_problem(response: httpx2.Response, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_projects_are_written_listed_and_deleted(described: Stack) -> None:
    first, second = (new_project(described, key=f"berths-{number}") for number in (1, 2))
    path = f"/api/projects/{first}"
    changed = TEXT | {"key": "berths-1", "title": "Tidebook II", "tags": ["Own tag"]}
    assert described.http.put(path, json=changed).status_code == 401
    assert described.http.put(path, json=changed, headers=AUTH).status_code == 200
    shown = described.http.get(path).json()
    assert (shown["title"], shown["tags"], shown["summary"]) == ("Tidebook II", ["Own tag"], None)
    check_problem(described.http.put(path, json=changed | {"key": "berths-2"}, headers=AUTH), 409)
    assert ids(described, "?limit=2") == [second, first]
    assert described.http.delete(path).status_code == 401
    assert described.http.delete(path, headers=AUTH).status_code == 204
    check_problem(described.http.get(path), 404)
    assert ids(described, "?limit=1") == [second]


def ids(stack: Stack, query: str) -> Sequence[str]:
    return [item["id"] for item in stack.http.get(f"/api/projects{query}").json()["items"]]


def test_what_people_wrote_stands(described: Stack) -> None:
    project_id = new_project(described, summary="Our own words.", tags=["Own tag"])
    generate(described, project_id)
    described.wait_for_job(project_id, "done")
    shown = described.http.get(f"/api/projects/{project_id}/metadata").json()
    assert shown["summary"] == "Our own words."
    assert shown["tags"] == ["Own tag", *ANSWER["tags"]]
    assert shown["category"] == ANSWER["category"]
    assert shown["sources"] == {
        "summary": "people",
        "tags": "both",
        "category": "model",
        "keywords": "model",
    }


def test_the_task_id_of_the_answer_can_be_waited_for(described: Stack, describing: ModelServer) -> None:
    describing.script("openai", then={"fault": "latency", "seconds": 1})
    task_id = generate(described, new_project(described)).json()["task_id"]
    result = results_of(described, AWAIT, task_id)
    assert isinstance(result, dict)
    assert result["status"] == "done"
    assert result["metadata"]["summary"] == ANSWER["summary"]
