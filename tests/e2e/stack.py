"""The whole flow as it is run for real: API, workers and beat as processes, nothing in this one."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx2
import psycopg
from psycopg.rows import dict_row

from infra.local.process import free_port
from tests.conftest import ROOT
from tests.e2e.program import Program, wait_until

DEV_TOKEN = "e2e-development-token-7f3a91"
DATABASE_PASSWORD = "e2e-database-password-5d20c4"
QUEUES = {"maintenance": "maintenance"}
"""Of programs; all others are workers for jobs."""
_JOB_QUEUES = "ai_analysis,metadata_generation"

Row = dict[str, Any]

_START_SECONDS = 45
_CALL_SECONDS = 60
_TAIL_LINES = 60
_numbers = itertools.count(1)

# Short, so that what takes minutes in production takes seconds here.
_FAST = {
    "SWEEP_INTERVAL": "1",
    "RESEND_AFTER": "2",
    "RETRY_BASE": "1",
    "RETRY_FACTOR": "2",
    "LEASE": "4",
}


class Stack:
    """`settings` are environment variables for every program; `launch` may add to them for one.

    `worker_options` are words for every worker's command line. The usual ones spare tests the seconds
    that workers take to greet each other.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str,
        redis_url: str,
        worker_options: Sequence[str] = ("--without-mingle", "--without-gossip"),
        **settings: str,
    ) -> None:
        self.folder = folder
        self.worker_options = tuple(worker_options)
        self.database_url = _with_password(database_url)
        self.redis_url = redis_url
        self.port = free_port()
        self.metrics_port = free_port()
        self.maintenance_metrics_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx2.Client(base_url=self.url, trust_env=False, timeout=15)
        self.programs: dict[str, Program] = {}
        self._worker_settings: Mapping[str, str] | None = None
        self._env = {
            **_clean_environment(folder),
            **_FAST,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": redis_url,
            "AUTH": "off",
            "DEV_TOKEN": DEV_TOKEN,
            "WORKER_METRICS_PORT": str(self.metrics_port),
            **settings,
        }

    def __enter__(self) -> Self:
        for name in ("api", "worker", "maintenance", "beat"):
            self.launch(name)
        self._worker_settings = {}
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for program in self.programs.values():
            program.kill()
        self.http.close()

    def launch(self, name: str, **settings: str) -> Program:
        """Start `api`, `beat` (or `beat-2`), or a worker by any other name; one that ran before is ended
        first."""
        if name in self.programs:
            self.programs[name].kill()
        if name == "maintenance":
            settings |= {"WORKER_METRICS_PORT": str(self.maintenance_metrics_port)}
        program = self.run(name, *_arguments(name, self.port, self.worker_options), **settings)
        self.programs[name] = program
        return program

    def run(self, name: str, *words: str, **settings: str) -> Program:
        """Start `python -m words`; the caller ends it."""
        return Program(
            name, [sys.executable, "-m", *words], env={**self._env, **settings}, folder=self.folder
        )

    def call(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """What `python -m words` printed, and how it ended."""
        return subprocess.run(
            [sys.executable, "-m", *words],
            env={**self._env, **settings},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_CALL_SECONDS,
            check=False,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """What every program is given."""
        return self._env

    def use_worker(self, settings: Mapping[str, str], *, fresh: bool = False) -> None:
        """Have one ready worker with just these settings more, which is the one there is if it has
        them. `fresh` for a new one all the same: circuit breakers remember."""
        if not fresh and settings == self._worker_settings and self.programs["worker"].is_alive():
            return
        self.programs["worker"].terminate()
        self.programs["worker"].wait(5)
        ready_before = self._times_ready()
        self.launch("worker", **settings)
        self._worker_settings = settings
        wait_until(lambda: self._times_ready() > ready_before, _START_SECONDS, "the worker is ready")

    def _times_ready(self) -> int:
        return self.programs["worker"].text().count(" ready.")

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx2.HTTPError:
            return False

    def wait_until_ready(self, seconds: float = _START_SECONDS) -> None:
        try:
            wait_until(self.is_ready, seconds, "/readyz is 200")
        except AssertionError as error:
            # A fixture that fails has no test whose report could show them.
            raise AssertionError(f"{error}\n{self.logs()}") from None

    def logs(self) -> str:
        """The ends of all programs' logs."""
        tails = {
            path.stem: "\n".join(path.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            for path in sorted(self.folder.glob("*.log"))
        }
        return "\n\n".join(f"{name}:\n{tail}" for name, tail in tails.items())

    def query(self, sql: str, *parameters: object) -> list[Row]:
        with psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(sql, parameters).fetchall()

    def post(self, event: Row, **headers: str) -> Row:
        """The answer to an event that must be taken."""
        response = self.http.post("/api/v1/events", json=event, headers=headers)
        assert response.status_code == 202, response.text
        answer: Row = response.json()
        return answer

    def job_of(self, group_id: str) -> Row:
        [job] = self.query("SELECT * FROM jobs WHERE subject_id = %s", UUID(group_id))
        return job

    def calls_of(self, group_id: str) -> list[Row]:
        """The ledger's rows of the group's job, oldest first."""
        return self.query(
            "SELECT c.* FROM llm_calls c JOIN jobs j ON j.id = c.job_id"
            " WHERE j.subject_id = %s ORDER BY c.id",
            UUID(group_id),
        )

    def wait_for_job(self, group_id: str, state: str, seconds: float = 15) -> Row:
        wait_until(lambda: self.job_of(group_id)["state"] == state, seconds, f"the job is {state}")
        return self.job_of(group_id)

    def wait_for_analysis(self, event_id: str, seconds: float = 15) -> Row:
        def analysis() -> list[Row]:
            return self.query("SELECT * FROM error_analysis WHERE error_event_id = %s", UUID(event_id))

        return wait_until(analysis, seconds, "the event is analysed")[0]

    def wait_for_sweeps(self, count: int, seconds: float = 15) -> None:
        """Each is a message from beat that a worker took."""
        seen: set[object] = set()

        def swept() -> bool:
            seen.update(row["seen_at"] for row in self.query("SELECT seen_at FROM heartbeats"))
            return len(seen) > count

        wait_until(swept, seconds, f"{count} sweeps")


def new_event(**changes: object) -> Row:
    """An error that is nobody else's: its project is new, and so is its group."""
    return {
        "project_key": f"project-{next(_numbers)}",
        "message": "Server error",
        "method": "GET",
        "path": "/api/test",
        "status_code": 500,
        "timestamp": "2024-01-15T12:00:00Z",
    } | changes


def _arguments(name: str, port: int, worker_options: Sequence[str]) -> tuple[str, ...]:
    if name == "api":
        return ("handlers.serve", "--host", "127.0.0.1", "--port", str(port))
    if name.partition("-")[0] == "beat":
        return ("celery", "-A", "worker", "beat", "--loglevel=info")
    work = (
        "--loglevel=info",
        f"--queues={QUEUES.get(name, _JOB_QUEUES)}",
        "--concurrency=2",
        "-n",
        f"{name}@e2e",
    )
    return ("celery", "-A", "worker", "worker", *work, *worker_options)


def _clean_environment(folder: Path) -> dict[str, str]:
    """No key, proxy or setting of the developer's reaches the programs."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }


def _with_password(url: str) -> str:
    """Trusted connections ignore a password; logs must not show it all the same."""
    return url.replace("//rootnote@", f"//rootnote:{DATABASE_PASSWORD}@")
