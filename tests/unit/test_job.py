"""The rule of what follows a failure, as a table."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from core.domain.job import (
    ANALYSIS_VERSION,
    METADATA_VERSION,
    GiveUp,
    JobKind,
    JobState,
    RetryLater,
    RetryPolicy,
    after_failure,
    job_id,
)
from core.errors import Failure
from worker.prompts import analysis, metadata

POLICY = RetryPolicy(max_retries=3, base=12, factor=6, longest=600)


@pytest.mark.parametrize(
    ("failure", "attempts", "retry_after", "jitter", "seconds"),
    [
        (Failure.RETRYABLE, 1, None, 0.5, 12),
        (Failure.RETRYABLE, 2, None, 0.5, 72),
        (Failure.RETRYABLE, 3, None, 0.5, 432),
        (Failure.RETRYABLE, 1, None, 0.0, 9.6),
        (Failure.RETRYABLE, 1, None, 1.0, 14.4),
        (Failure.RETRYABLE, 1, 30, 0.5, 30),
        (Failure.RETRYABLE, 2, 30, 0.5, 72),
        (Failure.RETRYABLE, 1, 86_400, 0.5, 600),
        (Failure.QUOTA, 1, None, 0.5, 12),
        (Failure.INVALID_ANSWER, 1, None, 0.5, 12),
    ],
)
def test_worth_a_retry(
    failure: Failure, attempts: int, retry_after: float | None, jitter: float, seconds: float
) -> None:
    verdict = after_failure(failure, attempts=attempts, retry_after=retry_after, policy=POLICY, jitter=jitter)
    assert verdict == RetryLater(delay=timedelta(seconds=seconds))


def test_no_wait_is_longer_than_the_longest() -> None:
    policy = RetryPolicy(max_retries=9, base=12, factor=6, longest=600)
    verdict = after_failure(Failure.RETRYABLE, attempts=9, retry_after=None, policy=policy, jitter=1.0)
    assert verdict == RetryLater(delay=timedelta(seconds=600))


@pytest.mark.parametrize("failure", [Failure.RETRYABLE, Failure.QUOTA, Failure.INVALID_ANSWER])
def test_dead_after_three_retries(failure: Failure) -> None:
    verdict = after_failure(failure, attempts=4, retry_after=None, policy=POLICY, jitter=0.5)
    assert verdict == GiveUp(state=JobState.DEAD, reason=str(failure))


@pytest.mark.parametrize("failure", [Failure.AUTH, Failure.REJECTED])
def test_permanent_failures_are_not_retried(failure: Failure) -> None:
    verdict = after_failure(failure, attempts=1, retry_after=5, policy=POLICY, jitter=0.5)
    assert verdict == GiveUp(state=JobState.FAILED, reason=str(failure))


def test_the_same_work_has_the_same_id() -> None:
    group = uuid4()
    kind = JobKind.ANALYSE_GROUP
    assert job_id(kind, group, "a-1") == job_id(kind, group, "a-1")
    assert job_id(kind, group, "a-1") != job_id(kind, group, "a-2")
    assert job_id(kind, group, "a-1") != job_id(kind, uuid4(), "a-1")


def test_jobs_carry_the_newest_prompt_version() -> None:
    assert analysis.VERSION == ANALYSIS_VERSION
    assert metadata.VERSION == METADATA_VERSION
