"""Every week: what is old or describes nothing goes, batch by batch."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from core.store import retention
from core.store.database import Connection, Database

_BATCH = 1_000

Deletion = Callable[[Connection], Awaitable[int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ages:
    """How long things are kept."""

    drafts: timedelta
    events: timedelta
    jobs: timedelta
    calls: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaned:
    """What was deleted, by kind. Not `is_finished`: time was up, and there is more."""

    deleted: dict[str, int]
    is_finished: bool


async def clean_up(database: Database, ages: Ages, *, seconds: float = math.inf) -> Cleaned:
    """Delete for about so long, at least one batch of each kind: what is left is the next call's."""
    ends = time.monotonic() + seconds
    deletions: dict[str, Deletion] = {
        "orphaned_metadata": lambda c: retention.delete_orphaned_metadata(c, limit=_BATCH),
        "draft_metadata": lambda c: retention.delete_draft_metadata(
            c, untouched_for=ages.drafts, limit=_BATCH
        ),
        "events": lambda c: retention.delete_events(c, older_than=ages.events, limit=_BATCH),
        "groups": lambda c: retention.delete_empty_groups(c, older_than=ages.events, limit=_BATCH),
        "jobs": lambda c: retention.delete_ended_jobs(c, older_than=ages.jobs, limit=_BATCH),
        "calls": lambda c: retention.delete_calls(c, older_than=ages.calls, limit=_BATCH),
    }
    deleted, finished = {}, []
    for name, delete in deletions.items():
        deleted[name], is_finished = await _until(ends, database, delete)
        finished.append(is_finished)
    return Cleaned(deleted=deleted, is_finished=all(finished))


async def _until(ends: float, database: Database, delete: Deletion) -> tuple[int, bool]:
    """Batch after batch, each in a transaction of its own, until one finds less than it may take."""
    total = 0
    while True:
        deleted = await database.serial(delete)
        total += deleted
        if deleted < _BATCH:
            return total, True
        if time.monotonic() >= ends:
            return total, False
