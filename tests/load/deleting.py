"""Retention at full size, with events coming in beside it."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

from core.store.database import Database
from tests.e2e.stack import Stack
from tests.load.timing import Timed, ingest, timed
from worker.usecases.cleanup import Ages, Cleaned, clean_up

_DAYS = timedelta(days=90)
_AGES = Ages(drafts=_DAYS, events=_DAYS, jobs=_DAYS, calls=timedelta(days=400))


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    events: int
    groups: int
    seconds: float
    ingest: Timed


def delete_beside_ingest(stack: Stack) -> Deleted:
    """Everything older than 90 days, while one client posts one event after the other."""
    spent: list[float] = []
    stop = threading.Event()
    post = ingest(stack.http, batch=1)

    def keep_posting() -> None:
        number = 0
        while not stop.is_set() or number < 10:
            started = time.perf_counter()
            post(number)
            spent.append((time.perf_counter() - started) * 1_000)
            number += 1

    client = threading.Thread(target=keep_posting)
    client.start()
    started = time.perf_counter()
    try:
        cleaned = asyncio.run(_clean_up(stack.database_url))
    finally:
        seconds = time.perf_counter() - started
        stop.set()
        client.join()
    return Deleted(
        events=cleaned.deleted["events"],
        groups=cleaned.deleted["groups"],
        seconds=seconds,
        ingest=timed(spent),
    )


async def _clean_up(url: str) -> Cleaned:
    database = Database(url, pool_size=1, timeout=5, work_seconds=60)
    try:
        return await clean_up(database, _AGES)
    finally:
        await database.aclose()
