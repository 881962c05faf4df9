"""Jobs: states, identity, and the rule that says what follows a failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from uuid_utils.compat import uuid5

from core.errors import Failure

ANALYSIS_VERSION = "analysis-1"
"""The prompt version: part of a job's identity, so that a new prompt means a new job for a group.

It lives here because both sides need it and handlers cannot see prompts; a test holds it equal to
the newest prompt.
"""


METADATA_VERSION = "metadata-1"
"""Likewise for projects' metadata."""


SUSPECT_AFTER = 2
"""Workers that died or hung with a job before it is taken for what kills them, and is only run with no
other such job under way."""


class JobKind(StrEnum):
    ANALYSE_GROUP = "analyse_group"
    GENERATE_METADATA = "generate_metadata"


class JobState(StrEnum):
    QUEUED = "queued"
    """Waits for `due_at`."""
    RUNNING = "running"
    """Claimed until `lease_until`."""
    DONE = "done"
    SKIPPED = "skipped"
    """Nothing to do, and `reason` says why."""
    FAILED = "failed"
    """Never worth a retry (bad key, refused content); a person may redrive it."""
    DEAD = "dead"
    """Retried to the end; a person may redrive it."""


@lru_cache(maxsize=4_096)
def job_id(kind: JobKind, subject_id: UUID, version: str) -> UUID:
    """The same work has the same id on every machine, so two that create it at once create one."""
    return uuid5(subject_id, f"{kind}:{version}")


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Waits of base, base x factor, base x factor² ... seconds, each at most `longest`."""

    max_retries: int
    base: float
    factor: float
    longest: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryLater:
    delay: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class GiveUp:
    """`state` is FAILED or DEAD."""

    state: JobState
    reason: str


def after_failure(
    failure: Failure, *, attempts: int, retry_after: float | None, policy: RetryPolicy, jitter: float
) -> RetryLater | GiveUp:
    """What follows the `attempts`-th failed attempt (the first is 1).

    `jitter` is a random number from 0 to 1; the wait lies within 20 % of its mean, so that jobs
    which failed together do not come back together. A provider's own `retry_after` (seconds) is a
    lower bound, still capped by the policy.
    """
    if failure in (Failure.AUTH, Failure.REJECTED):
        return GiveUp(state=JobState.FAILED, reason=str(failure))
    if attempts > policy.max_retries:
        return GiveUp(state=JobState.DEAD, reason=str(failure))
    mean = policy.base * policy.factor ** (attempts - 1)
    seconds = max(mean * (0.8 + 0.4 * jitter), retry_after or 0)
    return RetryLater(delay=timedelta(seconds=min(seconds, policy.longest)))
