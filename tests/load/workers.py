"""The workers that are measured: ours, and the guide's, each with an API before its queue."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrate
from tests.e2e.program import Program, wait_until
from tests.e2e.stack import Stack
from tests.load.guide_programs import Filling, Reference, serves
from tests.load.timing import NO_QUOTAS, is_up

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


class Ours:
    """`stack` has its API, the maintenance worker that sweeps, and beat."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._fill = Filling(stack.http, "/api/v1/events/batch")

    def store(self, jobs: int) -> None:
        self._fill(jobs)

    def start(self) -> Program:
        return self._stack.launch("worker")

    def done(self) -> int:
        return _number(self._stack.database_url, "SELECT count(*) FROM jobs WHERE state = 'done'")

    def left(self) -> int:
        return _number(
            self._stack.database_url, "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
        )

    def beside(self) -> list[int]:
        return [self._stack.programs[name].pid for name in ("maintenance", "beat")]


class Plain:
    """The guide's worker, with pool processes of which each works one task."""

    def __init__(self, reference: Reference, *, processes: int) -> None:
        self._reference = reference
        self._processes = processes
        self.store = reference.fill

    def start(self) -> Program:
        return self._reference.run(
            "plain",
            *("celery", "-A", "tests.load.reference", "worker", "--loglevel=info", "--queues=ai_analysis"),
            f"--concurrency={self._processes}",
        )

    def done(self) -> int:
        return _number(self._reference.database_url, "SELECT count(*) FROM error_analysis")

    def left(self) -> int:
        return _number(self._reference.database_url, "SELECT count(*) FROM error_events") - self.done()

    def beside(self) -> list[int]:
        return []


@contextmanager
def workers(folder: Path, *, model_url: str) -> Iterator[dict[str, Worker]]:
    """By name. Everything but the workers runs; `model_url` answers as OpenAI."""
    model = {"OPENAI_API_KEY": "bench", "OPENAI_BASE_URL": model_url}
    with PostgresServer(folder / "postgres") as postgres, ValkeyServer(folder / "valkey") as valkey:
        migrate(postgres.url)
        stack = Stack(
            folder, database_url=postgres.url, redis_url=valkey.url, worker_options=(), **_USUAL, **model
        )
        reference = Reference(
            folder,
            database_url=postgres.create_database("reference"),
            redis_url=valkey.url.removesuffix("/0") + "/1",
            settings=model,
        )
        served = reference.serve()
        try:
            for name in ("api", "maintenance", "beat"):
                stack.launch(name)
            wait_until(lambda: is_up(stack.http), _START_SECONDS, "the API answers")
            wait_until(lambda: serves(reference.http), _START_SECONDS, "the reference answers")
            sweeps = "SELECT count(*) FROM heartbeats WHERE name = 'sweeper'"
            wait_until(lambda: _number(postgres.url, sweeps), _START_SECONDS, "the sweeper sweeps")
            yield {
                "ours": Ours(stack),
                "plain 2": Plain(reference, processes=2),
                "plain 8": Plain(reference, processes=8),
            }
        finally:
            served.kill()
            reference.http.close()
            stack.__exit__()


@contextmanager
def running(worker: Worker, cores: set[int]) -> Iterator[Program]:
    """On these cores alone, from when it has done a job until it has been told to leave and left."""
    before = worker.done()
    program = worker.start()
    try:
        os.sched_setaffinity(program.pid, cores)
        wait_until(
            lambda: worker.done() > before, _START_SECONDS, f"a job is done\n{program.text()[-2_000:]}"
        )
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
