"""Does an event cost the same when ten million are stored: what PostgreSQL does for it, at four sizes."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psycopg
from pydantic import SecretStr

from core.settings import Auth, Settings
from handlers import wiring
from handlers.app import create_app
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from infra.simulation.table import markdown
from tests.conftest import migrate
from tests.integration.analysing import ScriptedModels, tools_for, work
from tests.load.growth_costs import Cost, Meter
from tests.load.growth_fan_out import measure_fan_out
from tests.load.growth_fill import PROJECTS, GrowingDatabase
from tests.load.growth_sweeps import measure_sweeps
from tests.load.result import Result

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SINGLE, BATCH = 400, 40
"""So many requests of one event are measured, and of a hundred."""
_BATCH_SIZE = 100
_KNOWN = 200
"""Errors that come again and again."""
_MOST_PAGES_MORE = 2.0
"""Times as many pages as with the fewest events: with a thousand times as many, indexes are deeper."""
_STACK = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/shop/checkout/views_{name}.py", line 41, in pay_{name}\n    total = price_of(cart)\n'
    for name in "abcdefghij"
)


def run(arguments: list[str]) -> Result:
    """Some minutes, most of them to fill the tables; `--quick` stops at a million events."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench growth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to a million events")
    is_quick = parser.parse_args(arguments).quick
    sizes = SIZES[:-1] if is_quick else SIZES
    costs = asyncio.run(_measure(sizes))
    sweeps = measure_sweeps((0, 100_000) if is_quick else (0, 100_000, 5_000_000))
    fan_out = measure_fan_out()
    return Result(
        title="Growth",
        table="\n".join((_table(costs, sizes), sweeps.table, fan_out.table)),
        faults=(*_growing(costs, sizes), *sweeps.faults, *fan_out.faults),
    )


async def _measure(sizes: tuple[int, ...]) -> dict[str, list[Cost]]:
    found: dict[str, list[Cost]] = {}
    with tempfile.TemporaryDirectory(prefix="rootnote-growth-") as name:
        folder = Path(name)
        with (
            PostgresServer(folder / "postgres", durable=False) as postgres,
            ValkeyServer(folder / "valkey") as valkey,
        ):
            url = postgres.create_database("growth")
            migrate(url)
            filled = GrowingDatabase(url)
            for size in sizes:
                seconds = filled.grow_to(size)
                sys.stderr.write(f"{size:,} events, filled in {seconds:.0f} s\n")
                async with _bench(url, postgres.url, valkey.url) as bench:
                    await bench.settle()
                    for what, cost in [item async for item in bench.costs()]:
                        found.setdefault(what, []).append(cost)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bench:
    """The API's app in this process, on one connection to PostgreSQL."""

    client: httpx2.AsyncClient
    meter: Meter
    numbers: Iterator[int]

    async def settle(self) -> None:
        """The errors that come again and again are known, and no job is left over."""
        for _ in range(_KNOWN):
            await self._post()()
        for id_ in await self._waiting_jobs():
            await work(id_, tools_for(self.meter.database), ScriptedModels())

    async def costs(self) -> AsyncIterator[tuple[str, Cost]]:
        yield "one event, known error", await self.meter.cost(self._post(), times=SINGLE)
        yield (
            "one event, known error, with the client's `event_id`",
            await self.meter.cost(self._post(has_key=True), times=SINGLE),
        )
        yield "one event, new error", await self.meter.cost(self._post(is_new=True), times=SINGLE)
        yield (
            "a batch of 100, per event, one new error in it",
            await self.meter.cost(self._post_batch, times=BATCH, events=_BATCH_SIZE),
        )
        ids = iter(await self._waiting_jobs())
        yield "a job: claim, publish, copy, end", await self.meter.cost(self._work(ids), times=SINGLE)

    def _post(self, *, has_key: bool = False, is_new: bool = False) -> Callable[[], Awaitable[None]]:
        async def post() -> None:
            event = self._event(has_key=has_key, is_new=is_new)
            answer = await self.client.post("/api/v1/events", json=event)
            if answer.status_code != 202:
                raise RuntimeError(answer.text)

        return post

    async def _post_batch(self) -> None:
        events = [self._event(is_new=n == 0, has_key=n % 5 == 0) for n in range(_BATCH_SIZE)]
        answer = await self.client.post("/api/v1/events/batch", json={"events": events})
        if answer.status_code != 202:
            raise RuntimeError(answer.text)

    def _event(self, *, has_key: bool = False, is_new: bool = False) -> dict[str, Any]:
        """1.5 kB, of a new error or of one that comes again and again."""
        number = next(self.numbers)
        # Fingerprints leave numbers out.
        name = "".join(chr(ord("a") + int(digit)) for digit in str(number if is_new else number % _KNOWN))
        key = {"event_id": f"growth-{number}"} if has_key else {}
        return key | {
            "project_key": f"growth-{number % PROJECTS}",
            "message": "Checkout failed",
            "stack": f'{_STACK}  File "/srv/a.py", line 1, in f_{name}\nTimeoutError: no answer',
            "method": "POST",
            "path": "/checkout",
            "status_code": 500,
            "timestamp": "2026-11-20T12:00:00Z",
            "extra": {"cart": ["a book", "a pen"] * 10, "user_agent": "Mozilla/5.0 " * 10},
        }

    async def _waiting_jobs(self) -> list[UUID]:
        rows = await self.meter.database.autocommit(
            lambda c: c.execute("SELECT id FROM jobs WHERE state = 'queued'")
        )
        return [id_ for (id_,) in await rows.fetchall()]

    def _work(self, ids: Iterator[UUID]) -> Callable[[], Awaitable[None]]:
        tools, models = tools_for(self.meter.database), ScriptedModels()

        async def one() -> None:
            await work(next(ids), tools, models)

        return one


_numbers = count()


@asynccontextmanager
async def _bench(url: str, other_url: str, redis_url: str) -> AsyncIterator[_Bench]:
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(url),
        redis_url=SecretStr(redis_url),
        auth=Auth.OFF,
        database_pool_size=1,
    )
    deps = wiring.build(settings)
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    try:
        with psycopg.connect(other_url, autocommit=True) as watch:
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
                meter = Meter(database=deps.database, watch=watch, name="growth")
                yield _Bench(client=client, meter=meter, numbers=_numbers)
    finally:
        await deps.aclose()


def _table(costs: dict[str, list[Cost]], sizes: tuple[int, ...]) -> str:
    headings = ("", *(f"{size:,}" for size in sizes))
    shown: tuple[tuple[str, Callable[[Cost], str]], ...] = (
        ("Pages touched (not in 32 MB of shared buffers)", lambda c: f"{c.pages:.1f} ({c.cold:.1f})"),
        ("Bytes of WAL", lambda c: f"{c.wal:,.0f}"),
        ("Processor time of PostgreSQL, µs", lambda c: f"{c.cpu:,.0f}"),
    )
    return "\n".join(
        f"{title}, by events stored:\n\n"
        + markdown(headings, [(what, *map(show, found)) for what, found in costs.items()])
        for title, show in shown
    )


def _growing(costs: dict[str, list[Cost]], sizes: tuple[int, ...]) -> Iterator[str]:
    for what, found in costs.items():
        if found[-1].pages > _MOST_PAGES_MORE * found[0].pages:
            yield (
                f"{what}: {found[-1].pages:.0f} pages are touched with {sizes[-1]:,} events stored,"
                f" with {sizes[0]:,} {found[0].pages:.0f}"
            )
