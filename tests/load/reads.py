"""Reading: pages of events and groups with ten thousand events stored, and with a million, by turns."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from core.domain.page import Cursor
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from infra.simulation.table import markdown
from tests.conftest import migrate
from tests.e2e.program import wait_until
from tests.e2e.stack import Stack
from tests.load.fill import fill
from tests.load.result import Result
from tests.load.timing import NO_QUOTAS, Call, Timed, is_up, requests, time_calls_by_turns

FEW, MANY, MANY_QUICK = 10_000, 1_000_000, 100_000
CALLS, CALLS_QUICK = 200, 40
_EVENTS_A_GROUP = 10
"""So few that even with FEW events a quiet project has groups for a whole page."""
_PAGES = ("events page", "groups page", "group page")


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One request, with few and with many events stored."""

    few: Timed
    many: Timed


def run(arguments: list[str]) -> Result:
    """About two minutes, most of them to fill the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench reads", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{MANY_QUICK:,} events, {CALLS_QUICK} calls")
    is_quick: bool = parser.parse_args(arguments).quick
    many, calls = (MANY_QUICK, CALLS_QUICK) if is_quick else (MANY, CALLS)
    compared = measure(many, calls)
    text = (
        f"Milliseconds of {calls} requests each over HTTP, one at a time, with {FEW:,} events stored and with"
        f" {many:,}; the two take turns, call by call. A page has 50 rows at both sizes: a group has"
        f" {_EVENTS_A_GROUP} events. Half of the events are of one project and a tenth of one hot group;"
        " *deep* is half-way down. The pages that PostgreSQL reads for"
        f' each stand under "a million events" in [reliability.md](reliability.md).\n\n'
        f"{_table(compared, many)}"
    )
    return Result(title=f"Reading, with {many:,} events", table=text)


def measure(many: int, calls: int) -> dict[str, Compared]:
    """By the request's name."""
    with tempfile.TemporaryDirectory(prefix="rootnote-reads-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(PostgresServer(folder / "postgres", durable=False))
        valkey = stack.enter_context(ValkeyServer(folder / "valkey"))
        by_size = [
            stack.enter_context(_filled_api(folder / str(events), postgres, valkey, events))
            for events in (FEW, many)
        ]
        sys.stderr.write("asking\n")
        few, most = by_size
        return {name: _compare(few[name], most[name], calls) for name in few}


@contextmanager
def _filled_api(
    folder: Path, postgres: PostgresServer, valkey: ValkeyServer, events: int
) -> Iterator[dict[str, Call]]:
    """The requests to be made, of an API process with a database of its own."""
    sys.stderr.write(f"filling {events:,} events\n")
    folder.mkdir()
    url = postgres.create_database(f"with_{events}")
    migrate(url)
    sample = fill(url, events, events_a_group=_EVENTS_A_GROUP)
    stack = Stack(folder, database_url=url, redis_url=valkey.url, **NO_QUOTAS)
    stack.launch("api")
    try:
        wait_until(lambda: is_up(stack.http), 45, "the API answers")
        deep = Cursor(at=sample.deep, id=UUID(int=0)).encode()
        all_requests = requests(stack.http, sample, deep)
        yield {name: call for name, call in all_requests.items() if name.startswith(_PAGES)}
    finally:
        stack.__exit__()


def _compare(few: Call, many: Call, calls: int) -> Compared:
    timed_few, timed_many = time_calls_by_turns((few, many), calls)
    return Compared(few=timed_few, many=timed_many)


def _table(compared: dict[str, Compared], many: int) -> str:
    headings = ("", f"p50, {FEW:,}", f"p50, {many:,}", "ratio", f"p99, {FEW:,}", f"p99, {many:,}")
    rows = [
        (
            name,
            f"{one.few.p50:.1f}",
            f"{one.many.p50:.1f}",
            f"{one.many.p50 / one.few.p50:.2f}",
            f"{one.few.p99:.1f}",
            f"{one.many.p99:.1f}",
        )
        for name, one in compared.items()
    ]
    return markdown(headings, rows)
