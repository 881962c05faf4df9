"""What a look of the sweeper costs with more and more finished jobs."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from core.domain.job import JobKind
from core.queue.names import Outgoing
from core.store import backlog, dispatch, sessions
from core.store.database import Connection, Database
from infra.local.postgres import PostgresServer
from infra.simulation.table import markdown
from tests.conftest import migrate
from tests.load.growth_costs import Cost, Meter
from tests.load.growth_fill import drop_indexes
from worker.usecases.sweep import SweepTools, sweep
from worker.usecases.window import Window

_TIMES = 50
_SECONDS = timedelta(seconds=30)
_KIND = JobKind.ANALYSE_GROUP
_PROJECTS = (
    "INSERT INTO projects (id, key) SELECT md5('p' || n)::uuid, 'p' || n FROM generate_series(1, 8) AS n"
)
_FINISHED = (
    "COPY jobs (id, kind, subject_id, version, project_id, state, attempts, created_at, finished_at)"
    " FROM STDIN"
)
# What waits and what failed is the same at each size. None of it is due: an idle look.
_OPEN = """
INSERT INTO jobs (id, kind, subject_id, version, project_id, state, reason, due_at, lease_until)
SELECT gen_random_uuid(), 'analyse_group', gen_random_uuid(), 'analysis-1', md5('p' || 1 + n %% 8)::uuid,
       state, CASE WHEN state = 'skipped' THEN 'budget' END, now() + interval '1 hour',
       CASE WHEN state = 'running' THEN now() + interval '1 hour' END
FROM unnest(ARRAY['queued', 'running', 'failed', 'dead', 'skipped']) AS state, generate_series(1, 100) AS n
"""
_PROJECT = hashlib.md5(b"p1", usedforsecurity=False).hexdigest()
_BLOCK = 1_000
_FEW_PAGES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweeps:
    table: str
    faults: tuple[str, ...]


class _EmptyQueue:
    """Redis, with nothing in it."""

    async def send(self, jobs: list[Outgoing]) -> None:
        raise AssertionError("nothing is due")

    async def send_canary(self) -> None:
        pass

    async def depths(self, queues: list[str]) -> list[int]:
        return [0 for _ in queues]


def measure_sweeps(sizes: tuple[int, ...]) -> Sweeps:
    """By finished jobs that are stored."""
    costs = asyncio.run(_measure(sizes))
    rows = [
        (name, *(f"{cost.pages:.0f} / {cost.cpu:.0f}" for cost in found)) for name, found in costs.items()
    ]
    table = markdown(("", *(f"{size:,}" for size in sizes)), rows)
    faults = [
        f"{name}: {most:.0f} pages with finished jobs, {found[0].pages:.0f} with none"
        for name, found in costs.items()
        for most in [max(cost.pages for cost in found)]
        if most > 2 * found[0].pages + _FEW_PAGES
    ]
    return Sweeps(
        table="The sweeper, pages touched / µs of PostgreSQL's processor time, by finished jobs stored:\n\n"
        + table,
        faults=tuple(faults),
    )


async def _measure(sizes: tuple[int, ...]) -> dict[str, list[Cost]]:
    found: dict[str, list[Cost]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="rootnote-sweeps-") as name,
        PostgresServer(Path(name) / "postgres", durable=False) as postgres,
        psycopg.connect(postgres.url, autocommit=True) as watch,
    ):
        url = postgres.create_database("sweeps")
        migrate(url)
        _prepare(url)
        for before, size in zip((0, *sizes), sizes, strict=False):
            _add_finished(url, before, size)
            database = Database(url, pool_size=1, timeout=5, work_seconds=60)
            meter = Meter(database=database, watch=watch, name="sweeps")
            try:
                for what, work in _looks(database):
                    found.setdefault(what, []).append(await meter.cost(work, times=_TIMES))
            finally:
                await database.aclose()
    return found


def _looks(database: Database) -> Iterator[tuple[str, Callable[[], Awaitable[object]]]]:
    def asked(question: Callable[[Connection], Awaitable[Any]]) -> Callable[[], Awaitable[object]]:
        return lambda: database.autocommit(question)

    tools = SweepTools(
        database=database,
        queue=_EmptyQueue(),
        windows={kind: Window() for kind in JobKind},
        max_losses=4,
        spread=_SECONDS,
        resend_after=_SECONDS,
    )
    yield "is anything due", asked(dispatch.anything_due)
    yield "lost messages", asked(lambda c: dispatch.take_lost(c, _KIND, waiting=0, resend_after=_SECONDS))
    yield "suspects", asked(lambda c: dispatch.take_suspect(c, _KIND))
    yield "turns", asked(lambda c: dispatch.take_fairly(c, _KIND, waiting=0, room=50))
    yield "lost leases", asked(lambda c: backlog.requeue_lost(c, max_losses=4, spread=_SECONDS))
    yield "budgets", asked(backlog.resume_paused)
    yield "counts", asked(backlog.count)
    yield "silent sessions", asked(lambda c: sessions.end_silent(c, silent_for=_SECONDS))
    yield "a whole sweep that finds nothing", lambda: sweep(tools)


def _prepare(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE jobs SET (autovacuum_enabled = false)")
        connection.execute(_PROJECTS.encode())
        connection.execute(_OPEN.encode().replace(b"%%", b"%"))


def _add_finished(url: str, first: int, last: int) -> None:
    """By COPY, without the indexes, which are made anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        made = drop_indexes(connection, "jobs")
        with connection.cursor() as cursor, cursor.copy(_FINISHED) as copy:
            for block in range(first, last, _BLOCK):
                copy.write("".join(_line(n) for n in range(block, min(last, block + _BLOCK))))
        for statement in made:
            connection.execute(statement.encode())
        connection.execute("VACUUM (ANALYZE) jobs")


def _line(n: int) -> str:
    at = f"2026-{1 + n // 1_000_000 % 9:02}-{1 + n // 40_000 % 25:02} 12:00:00+00"
    id_ = f"{n * 7_919 % 4_294_967_296:08x}-0000-5000-8000-{n:012x}"
    return f"{id_}\tanalyse_group\t{id_}\tanalysis-1\t{_PROJECT}\tdone\t1\t{at}\t{at}\n"
