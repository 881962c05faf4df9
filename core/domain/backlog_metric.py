"""What a deployment is scaled by: how much work waits, and how long one worker would need for it."""

from __future__ import annotations

from dataclasses import dataclass

_LEAST_JOB_SECONDS = 1.0
"""Also said when no model was asked of late: a backlog is then still one of some length."""

_CPU_SECONDS = 0.04
"""What a job takes of the smallest worker task, which has a quarter of a processor: with models that answer
at once, places are not what it is short of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredBacklog:
    """As the database knows it, at one moment.

    `jobs` are due or running, of all kinds; `mean_job_seconds` is None when no model was asked of late.
    """

    jobs: int
    oldest_due_seconds: float
    mean_job_seconds: float | None
    failed_jobs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BacklogMetric:
    """`backlog_seconds` are those that one worker needs; `queue_depth` is None when Redis is away."""

    backlog: int
    oldest_due_seconds: float
    job_seconds: float
    backlog_seconds: float
    failed_jobs: int
    queue_depth: int | None


def metric_of(stored: StoredBacklog, *, queue_depth: int | None, worker_places: int) -> BacklogMetric:
    """`worker_places`: jobs that one worker works at a time."""
    job_seconds = max(_LEAST_JOB_SECONDS, stored.mean_job_seconds or 0.0)
    return BacklogMetric(
        backlog=stored.jobs,
        oldest_due_seconds=stored.oldest_due_seconds,
        job_seconds=job_seconds,
        backlog_seconds=stored.jobs * max(job_seconds / worker_places, _CPU_SECONDS),
        failed_jobs=stored.failed_jobs,
        queue_depth=queue_depth,
    )
