"""Calls that are compared take turns."""

from __future__ import annotations

import time

from tests.load.timing import Call, Timed, time_calls, time_calls_by_turns, timed


def test_the_middle_and_the_slowest_hundredth() -> None:
    assert timed([float(n) for n in range(200, 0, -1)]) == Timed(p50=101, p99=199)
    assert timed([3.0]) == Timed(p50=3, p99=3)


def test_calls_are_made_one_after_the_other_and_over_again() -> None:
    made: list[tuple[str, int]] = []

    def noting(name: str) -> Call:
        return lambda number: made.append((name, number))

    assert len(time_calls_by_turns((noting("few"), noting("many")), 2, warm_up=1)) == 2
    assert made == [("few", 0), ("many", 0), ("few", 1), ("many", 1), ("few", 2), ("many", 2)]


def test_the_first_calls_do_not_count() -> None:
    def slow_at_first(number: int) -> None:
        time.sleep(0.05 if number < 8 else 0)

    assert time_calls(slow_at_first, 3).p50 < 50
