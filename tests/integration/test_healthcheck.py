"""The containers' health check, against real servers, as the image runs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import redis

from core.queue import names
from infra.local.process import free_port
from tests.conftest import ROOT
from worker import healthcheck

SCRIPT = str(ROOT / "worker" / "healthcheck.py")


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"x" * 100_000
        self.send_response({"/metrics": 200, "/moved": 302}.get(self.path, 503))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """As the image does: from elsewhere, by path."""
    return subprocess.run(
        [sys.executable, *words],
        cwd="/",
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_well_when_the_metrics_are_there(port: int) -> None:
    # A proxy of the environment must not be asked about this very container.
    proxy = f"http://127.0.0.1:{free_port()}"
    done = run("-I", SCRIPT, WORKER_METRICS_PORT=str(port), http_proxy=proxy)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_url_is_asked_in_the_same_way(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert healthcheck.main([f"http://127.0.0.1:{port}/metrics"], {}) == 0
    for path in ("/healthz", "/moved"):
        assert healthcheck.main([f"http://127.0.0.1:{port}{path}"], {}) == 1
    assert "answered 503" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80", "file:///etc/passwd", "http://127.0.0.1:none/", "http://"]
)
def test_what_is_no_address_is_unwell(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert healthcheck.main([url], {}) == 1
    assert capsys.readouterr().err.startswith("unwell: ")


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert healthcheck.main([], {"WORKER_METRICS_PORT": str(free_port())}) == 1
    assert "ConnectionRefusedError" in capsys.readouterr().err


def test_metrics_that_are_off_cannot_be_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert healthcheck.main([], {"WORKER_METRICS_PORT": "0"}) == 1
    assert "WORKER_METRICS_PORT is 0" in capsys.readouterr().err


def test_one_who_listens_and_never_answers(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        assert healthcheck.main([], {"WORKER_METRICS_PORT": str(silent.getsockname()[1])}) == 1
        assert 2.5 < time.monotonic() - began < 4.5
    assert "TimeoutError" in capsys.readouterr().err


def test_it_is_quick_since_it_loads_no_package(port: int) -> None:
    program = (
        "import runpy, sys\n"
        "try: runpy.run_path(sys.argv[1], run_name='__main__')\n"
        "finally: print(sorted({'celery', 'redis', 'pydantic', 'core', 'worker'} & set(sys.modules)))"
    )
    done = run(
        "-I", "-c", f"import sys; sys.argv = ['-', {SCRIPT!r}]\n{program}", WORKER_METRICS_PORT=str(port)
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(("age", "code"), [(0, 0), (600, 1), (None, 1)])
def test_beat_is_asked_by_its_last_tick(redis_url: str, age: int | None, code: int) -> None:
    if age is not None:
        with redis.Redis.from_url(redis_url) as broker:
            broker.set(names.BEAT_TICK, time.time() - age)
    settings = {"REDIS_URL": redis_url, "DATABASE_URL": "postgresql://host/db", "PYTHONPATH": str(ROOT)}
    done = run("-P", SCRIPT, "beat", **settings)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_while_redis_is_away_beat_is_not_restarted_and_no_password_shows() -> None:
    url = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
    settings = {"REDIS_URL": url, "DATABASE_URL": "postgresql://host/db", "PYTHONPATH": str(ROOT)}
    done = run("-P", SCRIPT, "beat", **settings)
    assert done.returncode == 0
    assert done.stderr.startswith("Redis does not answer")
    assert "hunter2" not in done.stderr


def test_beat_with_a_wrong_setting_is_unwell() -> None:
    done = run("-P", SCRIPT, "beat", PYTHONPATH=str(ROOT))
    assert done.returncode == 1
    assert done.stderr.startswith("unwell: DATABASE_URL")
