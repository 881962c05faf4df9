"""The workers that are measured: ours, and the guide's, each with an API before its queue."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

import httpx2
import psycopg

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import ROOT, migrate
from tests.e2e.program import Program, wait_until
from tests.e2e.stack import Stack
from tests.load.http_server import http_server
from tests.load.ingest_stage import REFERENCE, other_database
from tests.load.made_events import Events, Texts, made_events
from tests.load.timing import NO_QUOTAS, is_up

OURS, BASE, WIDE = (
    "Rootnote, `--concurrency=2`",
    "plain Celery, `--concurrency=2`",
    "plain Celery, `--concurrency=8`",
)
_BATCH = 250
_START_SECONDS = 60
_STOP_SECONDS = 15
# As deployed; the tests' own stack is quicker to sweep.
_USUAL = {"SWEEP_INTERVAL": "5", "RESEND_AFTER": "15", "LEASE": "30"} | NO_QUOTAS


class Worker(Protocol):
    """One that can be started and stopped, over a queue that stays."""

    def store(self, jobs: int) -> None:
        """Through the HTTP API: errors with status 500, each of a kind of its own, of several projects."""

    def start(self) -> Program:
        """As users do."""

    def done(self) -> int:
        """Jobs whose analysis is stored."""

    def left(self) -> int:
        """Jobs that wait or are worked."""

    def beside(self) -> list[int]:
        """Processes that have to run beside the worker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Filling:
    """Sends new events in batches, and never the same one twice."""

    port: int
    path: str
    events: Events = field(default_factory=lambda: made_events(Texts.NEW))
    numbers: Iterator[int] = field(default_factory=count)

    def __call__(self, jobs: int) -> None:
        for _ in range(-(-jobs // _BATCH)):
            answer = httpx2.post(
                f"http://127.0.0.1:{self.port}{self.path}",
                content=self.events.batch(next(self.numbers), _BATCH),
                headers={"content-type": "application/json"},
                trust_env=False,
                timeout=60,
            )
            if answer.status_code != 202:
                raise RuntimeError(f"a batch was answered with {answer.status_code}: {answer.text[:200]}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ours:
    """`stack` has its API, the maintenance worker that sweeps, and beat."""

    stack: Stack
    fill: _Filling

    def store(self, jobs: int) -> None:
        self.fill(jobs)

    def start(self) -> Program:
        return self.stack.launch("worker")

    def done(self) -> int:
        return _number(self.stack.database_url, "SELECT count(*) FROM jobs WHERE state = 'done'")

    def left(self) -> int:
        return _number(
            self.stack.database_url, "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
        )

    def beside(self) -> list[int]:
        return [self.stack.programs[name].pid for name in ("maintenance", "beat")]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plain:
    """The guide's worker, with pool processes of which each works one task. `settings`: its environment."""

    processes: int
    folder: Path
    settings: dict[str, str]
    fill: _Filling

    def store(self, jobs: int) -> None:
        self.fill(jobs)

    def start(self) -> Program:
        words = ("celery", "-A", "tests.load.reference", "worker", "--loglevel=info", "--queues=ai_analysis")
        return Program(
            f"plain-{self.processes}",
            [sys.executable, "-m", *words, f"--concurrency={self.processes}"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "PYTHONPATH": str(ROOT),
                **self.settings,
            },
            folder=self.folder,
        )

    def done(self) -> int:
        return _number(self.settings["DATABASE_URL"], "SELECT count(*) FROM error_analysis")

    def left(self) -> int:
        return _number(self.settings["DATABASE_URL"], "SELECT count(*) FROM error_events") - self.done()

    def beside(self) -> list[int]:
        return []


@contextmanager
def workers(folder: Path, *, model_url: str) -> Iterator[dict[str, Worker]]:
    """By name. Everything but the workers runs; `model_url` answers as OpenAI."""
    model = {"OPENAI_API_KEY": "bench", "OPENAI_BASE_URL": model_url}
    with PostgresServer(folder / "postgres") as postgres, ValkeyServer(folder / "valkey") as valkey:
        migrate(postgres.url)
        of_guide = {
            "DATABASE_URL": postgres.create_database("guide"),
            "REDIS_URL": other_database(valkey.url),
            **model,
        }
        with (
            http_server("guide", REFERENCE, folder=folder, **of_guide) as guide,
            _sweeping(folder, postgres.url, valkey.url, model) as stack,
        ):
            # Of the guide's batches the one in a single commit, only since a backlog is there sooner.
            fill = _Filling(port=guide.port, path="/api/v1/events/batch-in-one-commit")
            yield {
                OURS: _Ours(stack=stack, fill=_Filling(port=stack.port, path="/api/v1/events/batch")),
                **{
                    name: _Plain(processes=processes, folder=folder, settings=of_guide, fill=fill)
                    for name, processes in ((BASE, 2), (WIDE, 8))
                },
            }


@contextmanager
def _sweeping(folder: Path, database_url: str, redis_url: str, model: dict[str, str]) -> Iterator[Stack]:
    """All of Rootnote but the worker for jobs."""
    stack = Stack(
        folder, database_url=database_url, redis_url=redis_url, worker_options=(), **_USUAL, **model
    )
    try:
        for name in ("api", "maintenance", "beat"):
            stack.launch(name)
        wait_until(lambda: is_up(stack.http), _START_SECONDS, "the API answers")
        sweeps = "SELECT count(*) FROM heartbeats WHERE name = 'sweeper'"
        wait_until(lambda: _number(database_url, sweeps), _START_SECONDS, "the sweeper sweeps")
        yield stack
    finally:
        stack.__exit__()


@contextmanager
def running(worker: Worker, cores: set[int]) -> Iterator[Program]:
    """On these cores alone, from when it has done a job until it has been told to leave and left."""
    before = worker.done()
    program = worker.start()
    try:
        os.sched_setaffinity(program.pid, cores)
        # Evaluated when it fails only: by then the log says why.
        try:
            wait_until(lambda: worker.done() > before, _START_SECONDS, "a job is done")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{program.text()[-2_000:]}") from None
        yield program
        program.terminate()
        program.wait(_STOP_SECONDS)
    finally:
        program.kill()


def _number(url: str, sql: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(sql.encode()).fetchone()
    if row is None:
        raise AssertionError("a SELECT of a scalar always gives a row")
    return int(row[0])
