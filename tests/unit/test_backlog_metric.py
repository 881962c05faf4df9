"""How long one worker would need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from core.domain.backlog_metric import StoredBacklog, metric_of
from core.domain.ids import first_id_at


@pytest.mark.parametrize(
    ("jobs", "mean", "concurrency", "job_seconds", "backlog_seconds"),
    [
        (0, None, 2, 1.0, 0.0),
        (0, 30.0, 2, 30.0, 0.0),
        (10, None, 2, 1.0, 5.0),
        (10, 0.02, 2, 1.0, 5.0),
        (10, 30.0, 2, 30.0, 150.0),
        (10, 30.0, 1, 30.0, 300.0),
        (1, 4.5, 8, 4.5, 0.5625),
    ],
)
def test_seconds_of_one_worker(
    jobs: int, mean: float | None, concurrency: int, job_seconds: float, backlog_seconds: float
) -> None:
    stored = StoredBacklog(jobs=jobs, oldest_due_seconds=7.0, mean_job_seconds=mean, failed_jobs=3)
    metric = metric_of(stored, queue_depth=None, worker_places=concurrency)
    assert (metric.job_seconds, metric.backlog_seconds) == (job_seconds, backlog_seconds)
    assert (metric.backlog, metric.oldest_due_seconds, metric.failed_jobs) == (jobs, 7.0, 3)
    assert metric.queue_depth is None


@pytest.mark.parametrize("microseconds", [0, 1, 122_999, 123_000, 999_999])
def test_the_first_id_of_a_moment(microseconds: int) -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, microseconds, UTC)
    first = first_id_at(at)
    assert (first.version, first.variant) == (7, "specified in RFC 4122")
    for _ in range(50):
        assert first <= made_at(at) < first_id_at(at + timedelta(milliseconds=1))
        assert made_at(at - timedelta(milliseconds=1)) < first


def made_at(at: datetime) -> UUID:
    """As another library makes one at that time, with its own random bits."""
    return uuid7(nanoseconds=int(at.timestamp()) * 10**9 + at.microsecond * 1_000)
