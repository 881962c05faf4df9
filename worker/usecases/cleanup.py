"""Every week: what is old or describes nothing goes, batch by batch."""

from __future__ import annotations

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


async def clean_up(database: Database, ages: Ages) -> dict[str, int]:
    """What was deleted, by kind."""
    return {
        "orphaned_metadata": await _all(
            database, lambda c: retention.delete_orphaned_metadata(c, limit=_BATCH)
        ),
        "draft_metadata": await _all(
            database, lambda c: retention.delete_draft_metadata(c, untouched_for=ages.drafts, limit=_BATCH)
        ),
        "events": await _all(
            database, lambda c: retention.delete_events(c, older_than=ages.events, limit=_BATCH)
        ),
        "groups": await _all(
            database, lambda c: retention.delete_empty_groups(c, older_than=ages.events, limit=_BATCH)
        ),
        "jobs": await _all(
            database, lambda c: retention.delete_ended_jobs(c, older_than=ages.jobs, limit=_BATCH)
        ),
        "calls": await _all(
            database, lambda c: retention.delete_calls(c, older_than=ages.calls, limit=_BATCH)
        ),
    }


async def _all(database: Database, delete: Deletion) -> int:
    """Batch after batch, each in a transaction of its own, until one finds less than it may take."""
    total = 0
    while True:
        deleted = await database.serial(delete)
        total += deleted
        if deleted < _BATCH:
            return total
