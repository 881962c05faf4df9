"""One analysis for a group of very many events, while more of them come in."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from uuid import UUID

import httpx2
import psycopg
from pydantic import SecretStr

from core.settings import Auth, Settings
from core.store.database import Database
from handlers import wiring
from handlers.app import create_app
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from infra.simulation.table import markdown
from tests.conftest import migrate
from tests.integration.analysing import ScriptedModels, tools_for, work

WAITING = 100_000
_TEXT = "The connection pool was exhausted, since a handler kept its connection over a remote call. " * 14
"""About what a model says."""
_MORE = (
    "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at, received_at)"
    " SELECT gen_random_uuid(), project_id, group_id, 500, payload, now(), received_at - n * interval '1 ms'"
    " FROM error_events, generate_series(1, %s) AS n"
)
_LONGEST = (
    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8"
    " FROM pg_stat_activity WHERE application_name = 'rootnote'"
)
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """Seconds; `grown` in MB, of this process."""

    took: float
    longest_transaction: float
    longest_ingest: float
    ingested: int
    grown: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FanOut:
    table: str
    faults: tuple[str, ...]


def measure_fan_out() -> FanOut:
    seen = asyncio.run(_measure())
    rows = [
        ("events that got their copy a second", f"{WAITING / seen.took:,.0f}"),
        ("longest transaction of either, ms", f"{1_000 * seen.longest_transaction:.0f}"),
        ("events of the same group that one client sent meanwhile", str(seen.ingested)),
        ("longest of these requests, ms", f"{1_000 * seen.longest_ingest:.0f}"),
        ("memory that the worker's process grew by, MB", f"{seen.grown:.0f}"),
    ]
    too_long = f"a transaction took {seen.longest_transaction:.1f} s while an analysis was copied"
    return FanOut(
        table=f"One analysis for a group of {WAITING:,} events:\n\n{markdown(('', ''), rows)}",
        faults=(too_long,) if seen.longest_transaction > 1 else (),
    )


async def _measure() -> _Seen:
    with tempfile.TemporaryDirectory(prefix="rootnote-fan-out-") as name:
        folder = Path(name)
        with (
            PostgresServer(folder / "postgres") as postgres,
            ValkeyServer(folder / "valkey") as valkey,
            psycopg.connect(postgres.url, autocommit=True) as watch,
        ):
            migrate(postgres.url)
            database = Database(postgres.url, pool_size=2, timeout=5, work_seconds=60)
            try:
                async with _api(postgres.url, valkey.url) as client:
                    await _post(client)
                    watch.execute(_MORE, (WAITING,))
                    watch.execute("VACUUM ANALYZE error_events")
                    row = watch.execute("SELECT id FROM jobs").fetchone()
                    if row is None:
                        raise RuntimeError("an error of status 500 makes a job")
                    return await _fan_out(row[0], database, client, watch)
            finally:
                await database.aclose()


async def _fan_out(
    job_id: UUID, database: Database, client: httpx2.AsyncClient, watch: psycopg.Connection
) -> _Seen:
    before, started = getrusage(RUSAGE_SELF).ru_maxrss, time.perf_counter()
    tools = tools_for(database)
    working = asyncio.ensure_future(work(job_id, replace(tools, offline=None), ScriptedModels(text=_TEXT)))
    posting = asyncio.ensure_future(_keep_posting(client, working))
    longest = 0.0
    while not working.done():
        row = watch.execute(_LONGEST).fetchone()
        longest = max(longest, row[0] if row else 0)
        await asyncio.sleep(_LOOK_SECONDS)
    took = time.perf_counter() - started
    if await working != "done":
        raise RuntimeError("the job was not worked")
    spent = await posting
    missing = watch.execute(
        "SELECT count(*) FROM error_events e WHERE NOT EXISTS"
        " (SELECT FROM error_analysis a WHERE a.error_event_id = e.id)"
    ).fetchone()
    if missing != (0,):
        raise RuntimeError(f"{missing} events are without their analysis")
    return _Seen(
        took=took,
        longest_transaction=longest,
        longest_ingest=max(spent),
        ingested=len(spent),
        grown=(getrusage(RUSAGE_SELF).ru_maxrss - before) / 1_024,
    )


async def _keep_posting(client: httpx2.AsyncClient, until: asyncio.Future[str]) -> list[float]:
    spent = []
    while not until.done():
        started = time.perf_counter()
        await _post(client)
        spent.append(time.perf_counter() - started)
    return spent


async def _post(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/api/v1/events",
        json={
            "project_key": "fan-out",
            "message": "Server error",
            "status_code": 500,
            "timestamp": "2026-11-20T12:00:00Z",
        },
    )
    if answer.status_code != 202:
        raise RuntimeError(answer.text)


@asynccontextmanager
async def _api(url: str, redis_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(url),
        redis_url=SecretStr(redis_url),
        auth=Auth.OFF,
        ingest_rate_project=None,
    )
    deps = wiring.build(settings)
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client
    finally:
        await deps.aclose()
