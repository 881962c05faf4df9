"""The breaker as a table of times: no clock and no calls."""

from __future__ import annotations

import pytest

from core.errors import Failure
from worker.providers.breaker import Breaker


def _failing(times: int, failure: Failure = Failure.RETRYABLE) -> Breaker:
    breaker = Breaker(failures=3, open_seconds=30)
    for _ in range(times):
        breaker.failed("openai", failure, None, 0)
    return breaker


def test_opens_after_failures_in_a_row() -> None:
    assert _failing(2).wait("openai", 0) == 0
    assert _failing(3).wait("openai", 10) == 20


def test_a_retry_after_of_nothing_still_counts() -> None:
    breaker = Breaker(failures=3, open_seconds=30)
    for _ in range(3):
        breaker.failed("openai", Failure.RETRYABLE, 0, 0)

    assert breaker.wait("openai", 0) == 30


def test_a_success_starts_the_count_again() -> None:
    breaker = _failing(2)
    breaker.succeeded("openai")
    breaker.failed("openai", Failure.RETRYABLE, None, 0)

    assert breaker.wait("openai", 0) == 0


def test_each_name_has_its_own_circuit() -> None:
    assert _failing(3).wait("gemini", 0) == 0


@pytest.mark.parametrize(
    ("failure", "retry_after", "seconds"),
    [
        (Failure.RETRYABLE, None, 0),
        (Failure.RETRYABLE, 0.0, 0),
        (Failure.RETRYABLE, 12.0, 12),
        (Failure.RETRYABLE, 86_400.0, 600),
        (Failure.QUOTA, None, 300),
        (Failure.QUOTA, 5.0, 300),
        (Failure.AUTH, None, 60),
        (Failure.REJECTED, None, 0),
        (Failure.REJECTED, 5.0, 0),
        (Failure.INVALID_ANSWER, None, 0),
    ],
)
def test_what_one_failure_does(failure: Failure, retry_after: float | None, seconds: float) -> None:
    breaker = Breaker()
    breaker.failed("openai", failure, retry_after, 100)

    assert breaker.wait("openai", 100) == seconds


@pytest.mark.parametrize("failure", [Failure.REJECTED, Failure.INVALID_ANSWER])
def test_an_answer_that_did_not_please_does_not_count(failure: Failure) -> None:
    assert _failing(10, failure).wait("openai", 0) == 0


def test_half_open_lets_one_probe_through() -> None:
    breaker = _failing(3)

    assert breaker.wait("openai", 30) == 0
    assert breaker.wait("openai", 31) == 29


def test_a_good_probe_closes() -> None:
    breaker = _failing(3)
    breaker.wait("openai", 30)
    breaker.succeeded("openai")

    assert [breaker.wait("openai", 31) for _ in range(3)] == [0, 0, 0]


def test_a_bad_probe_opens_again() -> None:
    breaker = _failing(3)
    breaker.wait("openai", 30)
    breaker.failed("openai", Failure.RETRYABLE, None, 40)

    assert breaker.wait("openai", 40) == 30


def test_a_bad_probe_opens_again_even_after_a_single_failure() -> None:
    breaker = Breaker(failures=5, open_seconds=30)
    breaker.failed("openai", Failure.RETRYABLE, 10, 0)
    breaker.wait("openai", 10)
    breaker.failed("openai", Failure.RETRYABLE, None, 11)

    assert breaker.wait("openai", 11) == 30


def test_a_lost_probe_is_given_up() -> None:
    breaker = _failing(3)
    breaker.wait("openai", 30)

    assert breaker.wait("openai", 60) == 0


def test_a_late_success_does_not_shorten_the_wait() -> None:
    breaker = Breaker()
    breaker.failed("openai", Failure.RETRYABLE, 20, 0)
    breaker.succeeded("openai")

    assert breaker.wait("openai", 5) == 15


def test_a_later_failure_never_shortens_the_wait() -> None:
    breaker = Breaker()
    breaker.failed("openai", Failure.QUOTA, None, 0)
    breaker.failed("openai", Failure.RETRYABLE, 1, 10)

    assert breaker.wait("openai", 10) == 290
