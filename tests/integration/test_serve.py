"""The API as a process: where it may listen with AUTH=off, and what it says of itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from core.domain.access import hash_key, new_key
from infra.local.process import free_port
from tests.conftest import ROOT
from tests.e2e.program import Program, wait_until
from tests.integration.conftest import DEV_TOKEN, Query

EVENTS = "/api/v1/events"
FACTORY = ("uvicorn", "--factory", "handlers.app:create_app")
_START_SECONDS = 60


@pytest.fixture
def environment(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
    }


def run(environment: dict[str, str], *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """For what ends by itself."""
    return subprocess.run(
        [sys.executable, *words],
        env=environment | settings,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )


@contextmanager
def serving(
    environment: dict[str, str], name: str, *words: str, **settings: str
) -> Iterator[tuple[Program, httpx2.Client]]:
    port = str(free_port())
    command = [sys.executable, "-m", *(words or ("handlers.serve",)), "--port", port]
    program = Program(name, command, env=environment | settings, folder=Path(environment["HOME"]))
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=15) as http:
            wait_until(lambda: _answers(http), _START_SECONDS, "it listens")
            yield program, http
    finally:
        program.kill()


def _answers(http: httpx2.Client) -> bool:
    try:
        return http.get("/healthz").status_code == 200
    except httpx2.HTTPError:
        return False


def test_open_to_others_it_does_not_start(environment: dict[str, str]) -> None:
    for words, settings in (
        (("--host", "0.0.0.0"), {}),
        ((), {"API_HOST": "::"}),
        (("--host", "no.such.invalid"), {}),
    ):
        done = run(environment, "-m", "handlers.serve", *words, AUTH="off", **settings)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert "AUTH=off is for this machine only" in done.stderr


def test_a_wrong_setting_is_a_line_and_no_traceback(environment: dict[str, str]) -> None:
    done = run(environment, "-m", "handlers.serve", PORT="http", DATABASE_TIMEOUT="-1")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "PORT" in done.stderr
    assert "DATABASE_TIMEOUT" in done.stderr


def test_by_uvicorns_own_command_it_does_not_start_either(environment: dict[str, str]) -> None:
    for words, settings in (
        (("-m", *FACTORY, "--host", "0.0.0.0", "--port", "0"), {}),
        (("-m", *FACTORY, "--port", "0"), {"UVICORN_HOST": "0.0.0.0"}),
        (("-c", "import uvicorn; uvicorn.run('handlers.app:create_app', factory=True, port=0)"), {}),
    ):
        done = run(environment, *words, AUTH="off", **settings)
        assert done.returncode != 0
        assert "AUTH=off is for this machine only" in done.stderr


def test_nor_as_a_function(environment: dict[str, str]) -> None:
    for code in (
        "import handlers.api",
        "from handlers import invocation; invocation.run(lambda deps: None)",
    ):
        done = run(environment, "-c", code, AUTH="off", AWS_LAMBDA_FUNCTION_NAME="api")
        assert done.returncode != 0
        assert "a Lambda function is called from elsewhere" in done.stderr


def test_on_loopback_uvicorns_children_start_with_auth_off(environment: dict[str, str]) -> None:
    with serving(environment, "two", *FACTORY, "--workers", "2", AUTH="off") as (_, http):
        assert http.get(EVENTS).status_code == 200


def test_it_says_nothing_of_itself_and_stops_when_told(environment: dict[str, str]) -> None:
    settings = {"AUTH": "off", "DEV_TOKEN": DEV_TOKEN}
    with serving(environment, "api", **settings) as (program, http):
        response = http.get(EVENTS)
        assert response.status_code == 200
        assert "server" not in response.headers
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        # Whoever comes through a proxy on this machine may be anybody.
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"):
            for value in ("127.0.0.1", "203.0.113.7", "for=127.0.0.1"):
                assert http.get(EVENTS, headers={name: value}).status_code == 403
        token = {"Authorization": f"Bearer {DEV_TOKEN}", "X-Forwarded-For": "203.0.113.7"}
        assert http.get(EVENTS, headers=token).status_code == 200
        assert (
            "strict-transport-security" not in http.get("/", headers={"X-Forwarded-Proto": "https"}).headers
        )
        program.terminate()
        assert program.wait(30) in (0, -signal.SIGTERM)


def test_a_revoked_key_ends_in_other_processes_too(environment: dict[str, str], query: Query) -> None:
    admin, doomed, doomed_id = new_key(), new_key(), uuid4()
    query("INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'admin')", uuid4(), hash_key(admin))
    query("INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'read')", doomed_id, hash_key(doomed))
    with (
        serving(environment, "one", KEY_MAX_AGE="2") as (_, one),
        serving(environment, "other", KEY_MAX_AGE="2") as (_, other),
    ):
        sent = {"Authorization": f"Bearer {doomed}"}
        assert [http.get(EVENTS, headers=sent).status_code for http in (one, other)] == [200, 200]
        revoked = one.delete(f"/api/v1/keys/{doomed_id}", headers={"Authorization": f"Bearer {admin}"})
        assert revoked.status_code == 204
        assert one.get(EVENTS, headers=sent).status_code == 401
        wait_until(lambda: other.get(EVENTS, headers=sent).status_code == 401, 10, "the other refuses it")
