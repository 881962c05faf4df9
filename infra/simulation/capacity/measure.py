"""One event's cost, measured with the real app, PostgreSQL and Valkey on this machine.

CPU seconds, not seconds of the clock, wherever a part is to be sized: other work on the machine changes
them by a fifth, not by a multiple.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg
import redis
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Scope

from core import log
from core.domain.access import Scope as KeyScope
from core.domain.ids import new_id
from core.domain.job import JobKind
from core.operations import keys
from core.queue.names import AI_ANALYSIS, Outgoing
from core.settings import Auth, LogFormat, Settings
from core.store import retention
from core.store.database import Connection
from handlers import wiring
from handlers.app import create_app
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from infra.simulation.capacity import sample
from infra.simulation.capacity.offline_worker import analyse_all

ROOT = Path(__file__).resolve().parents[3]
BATCH = 100
_MESSAGES = 10_000
_TABLES = ("error_events", "error_analysis", "error_groups", "jobs", "llm_calls")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingest:
    """Per event, sent one by one or `BATCH` in a request."""

    api_cpu_ms: float
    api_wall_ms: float
    database_cpu_ms: float
    wal_bytes: float
    log_bytes: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Bytes with all indexes. `group_bytes`: a group with its job and ledger row."""

    body_bytes: int
    single: Ingest
    batched: Ingest
    event_bytes: float
    analysis_bytes: float
    group_bytes: float
    message_bytes: float
    deleted_a_second: float


def measure(events: int, say: Callable[[str], None], *, groups: int = 200) -> Measured:
    """Stores `events` of so many groups, a tenth of them one by one. Half a minute for 20,000."""
    with tempfile.TemporaryDirectory(prefix="rootnote-capacity-") as folder, contextlib.ExitStack() as stack:
        say("starting PostgreSQL and Valkey")
        postgres = stack.enter_context(PostgresServer(Path(folder) / "postgres"))
        valkey = stack.enter_context(ValkeyServer(Path(folder) / "valkey"))
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": postgres.url},
            check=True,
            capture_output=True,
        )
        settings = Settings(
            database_url=SecretStr(postgres.url),
            redis_url=SecretStr(valkey.url),
            database_pool_size=1,
            auth=Auth.REQUIRED,
            # Counted as ever, and never used up.
            ingest_rate_project="1000000/second",
            ingest_rate_key="1000000/second",
        )
        return asyncio.run(_with_app(settings, postgres, valkey, partial(_measure, events, say, groups)))


async def _with_app(
    settings: Settings,
    postgres: PostgresServer,
    valkey: ValkeyServer,
    work: Callable[[_Bench], Awaitable[Measured]],
) -> Measured:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    deps = wiring.build(settings)
    try:
        return await work(_Bench(deps, postgres, valkey))
    finally:
        await deps.aclose()
        root.handlers[:] = handlers
        root.setLevel(level)


class _Bench:
    def __init__(self, deps: wiring.Deps, postgres: PostgresServer, valkey: ValkeyServer) -> None:
        self.deps, self.postgres, self.valkey = deps, postgres, valkey
        self.app, self.lines = create_app(deps), io.StringIO()
        with contextlib.redirect_stdout(self.lines):
            log.configure(LogFormat.JSON, "INFO", service="api")
        self.key = ""

    def query(self, sql: str) -> float:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            row = connection.execute(sql).fetchone()
        return float(row[0]) if row else 0.0

    def database_cpu(self) -> float:
        """Of all of the server's processes, those that have ended included."""
        server = psutil.Process(self.postgres.pid)
        own = server.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in server.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                total += times.user + times.system
        return float(total)

    async def ingest(self, path: str, bodies: list[bytes], *, events: int) -> Ingest:
        lines = self.lines.tell()
        wal = self.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
        database_cpu, cpu, wall = self.database_cpu(), time.process_time(), time.perf_counter()
        for body in bodies:
            await post(self.app, path, body, key=self.key)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        database_cpu = self.database_cpu() - database_cpu
        wal = self.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn") - wal
        return Ingest(
            api_cpu_ms=cpu / events * 1_000,
            api_wall_ms=wall / len(bodies) * 1_000,
            database_cpu_ms=database_cpu / events * 1_000,
            wal_bytes=wal / events,
            log_bytes=(self.lines.tell() - lines) / events,
        )


async def _measure(events: int, say: Callable[[str], None], groups: int, bench: _Bench) -> Measured:
    say(f"{groups} new groups, analysed offline")
    await _prepare(bench, groups)
    alone = max(1, events // 10)
    say(f"{alone} events one by one")
    bodies = [sample.one(number, groups=groups) for number in range(alone)]
    single = await bench.ingest("/api/v1/events", bodies, events=alone)
    batches = max(1, (events - alone) // BATCH)
    say(f"{batches * BATCH} events in batches of {BATCH}")
    batch_bodies = [sample.batch(number * BATCH, BATCH, groups=groups) for number in range(batches)]
    batched = await bench.ingest("/api/v1/events/batch", batch_bodies, events=batches * BATCH)
    sizes = {table: bench.query(f"SELECT pg_total_relation_size('{table}')") for table in _TABLES}
    stored = groups + alone + batches * BATCH
    say("deleting what is old, and sending messages")
    return Measured(
        body_bytes=len(bodies[0]),
        single=single,
        batched=batched,
        event_bytes=sizes["error_events"] / stored,
        analysis_bytes=sizes["error_analysis"] / stored,
        group_bytes=sum(sizes[table] for table in ("error_groups", "jobs", "llm_calls")) / groups,
        message_bytes=await _message_bytes(bench),
        deleted_a_second=await _deleted_a_second(bench, stored // 2),
    )


async def _prepare(bench: _Bench, groups: int) -> None:
    """A project, a key for it, and groups with their analyses, which all further events copy."""
    database = bench.deps.database
    await database.autocommit(
        lambda c: c.execute(
            "INSERT INTO projects (id, key) VALUES (gen_random_uuid(), %s)", (sample.PROJECT,)
        )
    )
    made = await keys.create(scope=KeyScope.INGEST, project_key=sample.PROJECT, name="", database=database)
    bench.key = made.key
    for number in range(groups):
        await post(bench.app, "/api/v1/events", sample.one(number, groups=groups), key=bench.key)
    await analyse_all(database)


async def post(app: ASGIApp, path: str, body: bytes, *, key: str) -> None:
    """One request straight to the app. Raises RuntimeError unless it is answered with 202."""
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"authorization", f"Bearer {key}".encode()),
        ],
        "client": ("203.0.113.7", 50_000),
        "server": ("localhost", 443),
    }
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    if statuses != [202]:
        raise RuntimeError(f"{path} was answered with {statuses}")


async def _message_bytes(bench: _Bench) -> float:
    """Of Valkey's memory, for each message that waits."""
    with redis.Redis.from_url(bench.valkey.url) as client:
        client.flushall()
        before = client.info("memory")["used_memory"]
        for _ in range(_MESSAGES // BATCH):
            ids = [new_id() for _ in range(BATCH)]
            jobs = [Outgoing(job_id=id_, kind=JobKind.ANALYSE_GROUP, subject_id=id_) for id_ in ids]
            await bench.deps.publisher.send(jobs)
        waiting = client.llen(AI_ANALYSIS)
        used = client.info("memory")["used_memory"] - before
    return float(used) / int(str(waiting))


async def _deleted_a_second(bench: _Bench, count: int) -> float:
    """Events with their analyses, by the clock, in the batches of the weekly cleanup."""
    database, batch = bench.deps.database, 1_000
    await database.autocommit(
        lambda c: c.execute(
            "UPDATE error_events SET received_at = now() - interval '100 days' WHERE id IN"
            " (SELECT id FROM error_events ORDER BY id LIMIT %s)",
            (count,),
        )
    )

    async def delete(connection: Connection) -> int:
        found = await retention.delete_events(connection, older_than=timedelta(days=90), limit=batch)
        return found.deleted

    deleted, started = 0, time.perf_counter()
    while (gone := await database.serial(delete)) > 0:
        deleted += gone
    return deleted / (time.perf_counter() - started)
