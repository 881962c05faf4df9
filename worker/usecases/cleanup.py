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

Deletion = Callable[[Connection, str | None], Awaitable[retention.Batch]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ages:
    """How long things are kept."""

    drafts: timedelta
    events: timedelta
    jobs: timedelta
    calls: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaned:
    """What was deleted, by kind. `rest`, unless it is finished: time was up, and where to go on."""

    deleted: dict[str, int]
    rest: tuple[str, str] | None

    @property
    def is_finished(self) -> bool:
        return self.rest is None


async def clean_up(
    database: Database, ages: Ages, *, seconds: float = math.inf, rest: tuple[str, str] | None = None
) -> Cleaned:
    """Delete for about so long, and a batch at least: what is left is the next call's, given its `rest`.

    One kind after the other, since what goes of one leaves another's empty.
    """
    ends = time.monotonic() + seconds
    deletions = _deletions(ages)
    deleted = dict.fromkeys(deletions, 0)
    first, place = rest or (next(iter(deletions)), "")
    for name in list(deletions)[list(deletions).index(first) :]:
        found = await _until(ends, database, deletions[name], place if name == first else "")
        deleted[name] = found.deleted
        if found.rest is not None:
            return Cleaned(deleted=deleted, rest=(name, found.rest))
    return Cleaned(deleted=deleted, rest=None)


def _deletions(ages: Ages) -> dict[str, Deletion]:
    return {
        "orphaned_metadata": lambda c, _: retention.delete_orphaned_metadata(c, limit=_BATCH),
        "draft_metadata": lambda c, _: retention.delete_draft_metadata(
            c, untouched_for=ages.drafts, limit=_BATCH
        ),
        "events": lambda c, after: retention.delete_events(
            c, older_than=ages.events, limit=_BATCH, after=after
        ),
        "groups": lambda c, after: retention.delete_empty_groups(
            c, older_than=ages.events, limit=_BATCH, after=after
        ),
        "jobs": lambda c, after: retention.delete_ended_jobs(
            c, older_than=ages.jobs, limit=_BATCH, after=after
        ),
        "calls": lambda c, after: retention.delete_calls(c, older_than=ages.calls, limit=_BATCH, after=after),
    }


async def _until(ends: float, database: Database, delete: Deletion, place: str) -> retention.Batch:
    """Batch after batch, each in a transaction of its own, until there is no more or time is up."""
    total = 0
    while True:
        batch = await database.serial(lambda c, after=place: delete(c, after))  # type: ignore[misc]
        total += batch.deleted
        if batch.rest is None or time.monotonic() >= ends:
            return retention.Batch(deleted=total, rest=batch.rest)
        place = batch.rest
