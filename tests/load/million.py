"""Does it stay fast: the same requests and sweeps with ten thousand events stored, and with a million.

`python -m tests.load.million [--events N]`: some minutes, most of them to fill the tables.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
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
from tests.load.fill import Sample, fill
from tests.load.questions import questions
from tests.load.timing import Timed, ingest, requests, time_awaits, time_calls

FEW = 10_000
MANY = 1_000_000
CALLS = 100
_STORE_ONLY = ("sweep:", "backlog's metric", "claim", "ingest, ")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.million", description=__doc__)
    parser.add_argument("--events", type=int, default=MANY, help="the larger of the two sizes")
    events = parser.parse_args(arguments).events
    few, _ = measure(FEW)
    many, deleted = measure(events)
    sys.stdout.write(_table(few, many, events))
    sys.stdout.write(
        f"\nRetention with {events:,} events: {deleted.events:,} of them and {deleted.groups:,} empty groups"
        f" deleted in {deleted.seconds:.0f} s, {deleted.events / deleted.seconds:,.0f} events/s; ingest"
        f" beside it: p50 {deleted.ingest.p50:.1f} ms, p99 {deleted.ingest.p99:.1f} ms"
        f" (alone {many['POST 1 event'].p50:.1f} and {many['POST 1 event'].p99:.1f}).\n"
    )
    return 0


def measure(events: int) -> tuple[dict[str, Timed], Deleted]:
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
            stack = Stack(folder, database_url=postgres.url, redis_url=valkey.url)
            stack.launch("api")
            try:
                return _measure(stack, sample)
            finally:
                stack.__exit__()


def _measure(stack: Stack, sample: Sample) -> tuple[dict[str, Timed], Deleted]:
    wait_until(lambda: _is_up(stack.http), 45, "the API answers")
    sys.stderr.write("timing\n")
    deep = Cursor(at=sample.deep, id=UUID(int=0)).encode()
    found = {name: time_calls(call, CALLS) for name, call in requests(stack.http, sample, deep).items()}
    found["POST 1 event"] = time_calls(ingest(stack.http, batch=1), CALLS)
    found["POST 1 event, new group"] = time_calls(ingest(stack.http, batch=1, new_groups=True), CALLS)
    found["POST 100 events"] = time_calls(ingest(stack.http, batch=100), CALLS // 4)
    found["POST 100 events, new groups"] = time_calls(
        ingest(stack.http, batch=100, new_groups=True, run="b"), CALLS // 4
    )
    found |= asyncio.run(_time_store(stack.database_url, sample))
    sys.stderr.write("deleting\n")
    return found, delete_beside_ingest(stack)


def _is_up(http: httpx2.Client) -> bool:
    try:
        return http.get("/healthz").status_code == 200
    except httpx2.HTTPError:
        return False


async def _time_store(url: str, sample: Sample) -> dict[str, Timed]:
    """What is asked of the store by others than requests; nothing that it writes stays."""
    database = Database(url, pool_size=1, timeout=5)

    async def all_of_them(connection: Connection) -> dict[str, Timed]:
        timed = {}
        for name, ask in questions(sample).items():
            if name.startswith(_STORE_ONLY) and not name.startswith("ingest"):

                async def call(ask=ask) -> None:  # type: ignore[no-untyped-def]
                    async with connection.transaction(force_rollback=True):
                        await ask(connection)

                timed[name] = await time_awaits(call, CALLS)
        return timed

    try:
        return await database.serial(all_of_them)
    finally:
        await database.aclose()


def _table(few: dict[str, Timed], many: dict[str, Timed], events: int) -> str:
    headings = (
        "milliseconds",
        f"p50, {FEW:,}",
        f"p50, {events:,}",
        f"p99, {FEW:,}",
        f"p99, {events:,}",
        "p50 ratio",
    )
    rows = [
        (
            name,
            f"{few[name].p50:.1f}",
            f"{many[name].p50:.1f}",
            f"{few[name].p99:.1f}",
            f"{many[name].p99:.1f}",
            f"{many[name].p50 / few[name].p50:.1f}",
        )
        for name in few
    ]
    return markdown(headings, rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
