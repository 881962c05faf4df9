"""Which jobs are open, each sort in words that one index has for its condition, and no other.

Statistics say little of open jobs: among millions that have ended a sample meets none, and then a hundred
thousand come at once. By them PostgreSQL takes every index of a state for one row, and by chance the one
that has all queued jobs in it. So these conditions name their index: PostgreSQL keeps no statistics of
such an expression, and can derive no other index's condition or column from it.
"""

from __future__ import annotations

from core.domain.job import SUSPECT_AFTER, JobState


def _is(state: JobState, *, index: str) -> str:
    return f"'{index} ' || state = '{index} {state}'"


WAITING = _is(JobState.QUEUED, index="ix_jobs_waiting")
"""All that are queued, by `due_at`."""

SENT = f"{_is(JobState.QUEUED, index='ix_jobs_sent')} AND sent_at IS NOT NULL"
"""Queued with a message, by `kind` and `project_id`."""

UNSENT = f"{_is(JobState.QUEUED, index='ix_jobs_unsent')} AND sent_at IS NULL"
"""Queued without, by `kind`, `project_id` and `due_at`."""

LEASED = _is(JobState.RUNNING, index="ix_jobs_leased")
"""All that run, by `lease_until`."""

PAUSED = f"{_is(JobState.SKIPPED, index='ix_jobs_paused')} AND reason = 'budget'"
"""Until their budget has room, by `due_at`."""

_SUSPECT = f"losses >= {SUSPECT_AFTER} AND "
SUSPECT_QUEUED = _SUSPECT + _is(JobState.QUEUED, index="ix_jobs_suspect")
SUSPECT_RUNNING = _SUSPECT + _is(JobState.RUNNING, index="ix_jobs_suspect")
SUSPECT = f"{_SUSPECT}'ix_jobs_suspect ' || state IN ('ix_jobs_suspect queued', 'ix_jobs_suspect running')"
"""Both, by `due_at`."""


def by_id(state: JobState) -> str:
    """Where the id is known: no index of states is to be read instead of the one key."""
    return f"state || '' = '{state}'"
