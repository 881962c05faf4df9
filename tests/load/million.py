"""Does it stay fast: the same requests and sweeps with ten thousand events stored, and with a million."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx2

from core.domain.page import Cursor
from core.store.database import Connection, Database
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from infra.simulation.table import markdown
from tests.conftest import migrate
from tests.e2e.program import wait_until
from tests.e2e.stack import Stack
from tests.load.deleting import Deleted, delete_beside_ingest
from tests.load.explain import Explaining, pages_read
from tests.load.fill import Sample, fill
from tests.load.questions import questions
from tests.load.result import Result
from tests.load.timing import NO_QUOTAS, ONE, Timed, ingest, is_up, requests, time_calls

FEW = 10_000
MANY = 1_000_000
CALLS = 100
_MOST_PAGES = 1_500
"""More than that, and three times as many as with few events: something is read through."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """`requests` by the clock; `pages` that PostgreSQL reads for what is asked of it."""

    requests: dict[str, Timed]
    pages: dict[str, int]
    deleted: Deleted


def run(arguments: list[str]) -> Result:
    """Some minutes, most of them to fill the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.load million", description=__doc__)
    parser.add_argument("--events", type=int, default=MANY, help="the larger of the two sizes")
    events = parser.parse_args(arguments).events
    few, many = measure(FEW), measure(events)
    table = (
        f"Milliseconds of {CALLS} requests over HTTP, with {FEW:,} events stored and with {events:,}:\n\n"
        f"{_times(few, many, events)}\nPages of 8 KiB that PostgreSQL reads for each question:\n\n"
        f"{_pages(few, many, events)}\n{_deleted(many, events)}"
    )
    return Result(title=f"{events:,} events", table=table, faults=tuple(_growing(few, many)))


def measure(events: int) -> Measured:
    """On servers of its own, with an API process."""
    with tempfile.TemporaryDirectory(prefix="rootnote-load-") as name:
        folder = Path(name)
        with (
            PostgresServer(folder / "postgres", durable=False) as postgres,
            ValkeyServer(folder / "valkey") as valkey,
        ):
            migrate(postgres.url)
            sys.stderr.write(f"filling {events:,} events\n")
            sample = fill(postgres.url, events)
            sys.stderr.write("measuring\n")
            pages = asyncio.run(_count_pages(postgres.url, sample))
            stack = Stack(folder, database_url=postgres.url, redis_url=valkey.url, **NO_QUOTAS)
            stack.launch("api")
            try:
                wait_until(lambda: is_up(stack.http), 45, "the API answers")
                requests = _time_requests(stack.http, sample)
                return Measured(requests=requests, pages=pages, deleted=delete_beside_ingest(stack))
            finally:
                stack.__exit__()


def _time_requests(http: httpx2.Client, sample: Sample) -> dict[str, Timed]:
    deep = Cursor(at=sample.deep, id=UUID(int=0)).encode()
    batches = CALLS // 4
    calls = {name: (call, CALLS) for name, call in requests(http, sample, deep).items()} | {
        ONE: (ingest(http, batch=1), CALLS),
        "POST 1 event, new group": (ingest(http, batch=1, new_groups=True), CALLS),
        "POST 100 events": (ingest(http, batch=100), batches),
        "POST 100 events, new groups": (ingest(http, batch=100, new_groups=True, run="b"), batches),
    }
    return {name: time_calls(call, count) for name, (call, count) in calls.items()}


async def _count_pages(url: str, sample: Sample) -> dict[str, int]:
    """Nothing that a question writes stays."""
    database = Database(url, pool_size=1, timeout=5)

    async def ask_all(connection: Connection) -> dict[str, int]:
        pages = {}
        for name, ask in questions(sample).items():
            explaining = Explaining(connection=connection)
            async with connection.transaction(force_rollback=True):
                await ask(explaining.stand_in)
            pages[name] = sum(map(pages_read, explaining.plans))
        return pages

    try:
        return await database.serial(ask_all)
    finally:
        await database.aclose()


def _times(few: Measured, many: Measured, events: int) -> str:
    headings = ("", f"p50, {FEW:,}", f"p50, {events:,}", f"p99, {FEW:,}", f"p99, {events:,}", "p50 ratio")
    rows = []
    for name, before in few.requests.items():
        after = many.requests[name]
        times = (before.p50, after.p50, before.p99, after.p99, after.p50 / before.p50)
        rows.append((name, *(f"{time:.1f}" for time in times)))
    return markdown(headings, rows)


def _pages(few: Measured, many: Measured, events: int) -> str:
    rows = [(name, f"{pages:,}", f"{many.pages[name]:,}") for name, pages in few.pages.items()]
    return markdown(("", f"{FEW:,}", f"{events:,}"), rows)


def _deleted(many: Measured, events: int) -> str:
    gone, alone = many.deleted, many.requests[ONE]
    return (
        f"Retention with {events:,} events: {gone.events:,} deleted in {gone.seconds:.0f} s, "
        f"{gone.events / gone.seconds:,.0f} a second. One client's ingest beside it: p50"
        f" {gone.ingest.p50:.0f} ms, p99 {gone.ingest.p99:.0f} ms;"
        f" alone {alone.p50:.0f} and {alone.p99:.0f} ms.\n"
    )


def _growing(few: Measured, many: Measured) -> Iterator[str]:
    for name, before in few.pages.items():
        after = many.pages[name]
        if after > max(_MOST_PAGES, 3 * before):
            yield f"{name}: {after:,} pages are read, with {FEW:,} events {before:,}"
