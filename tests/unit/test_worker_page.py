"""What the benchmark of the worker says, and what counts as a broken promise."""

from __future__ import annotations

from tests.load.worker_page import faults, text
from tests.load.worker_run import AT_ONCE, FULL, SLOW, THINKING, Measured, Plan, Turn
from tests.load.workers import BASE, OURS, WIDE

_MIB = 2**20


def measured(*, rate: float, cpu: float = 5.0, calls: int = 2, memory: int = 200) -> Measured:
    """`memory` in MiB."""
    return Measured(rate=rate, cpu=cpu, beside_cpu=0.5, calls=calls, memory=memory * _MIB, model_load=0.02)


def turns(*, calls: int, memory: int) -> dict[str, list[Turn]]:
    ours: list[Turn] = [
        {AT_ONCE: measured(rate=rate, cpu=10), THINKING: measured(rate=60)} for rate in (90.0, 80.0, 100.0)
    ]
    plain: list[Turn] = [{AT_ONCE: measured(rate=100), THINKING: measured(rate=2)} for _ in ours]
    wide: list[Turn] = [{THINKING: measured(rate=8, calls=8)}]
    full: list[Turn] = [{SLOW: measured(rate=16, calls=calls, memory=memory)}]
    return {OURS: ours, BASE: plain, WIDE: wide, FULL: full}


def test_a_row_has_the_median_its_spread_and_ratios_to_plain_celery() -> None:
    said = text(turns(calls=64, memory=300), Plan(rounds=3, seconds=7, has_extras=True))
    at_once, _, thinking = said.partition("A model that takes a second")
    assert (
        "| Rootnote, `--concurrency=2` | 90.0 (80.0-100) | 0.90 (0.80-1.00) | 10.0 (10.0-10.0) |" in at_once
    )
    assert "concurrency=8" not in at_once
    assert "| plain Celery, `--concurrency=8` | 8.00 (8.00-8.00) | 4.00 (4.00-4.00) |" in thinking
    assert "it keeps 64 calls under way in 300 MiB" in thinking
    assert "Rootnote has 0.90 (0.80-1.00) of plain Celery's rate (asked for: 0.6)" in thinking
    assert "for 2.00 (2.00-2.00) of its CPU a job" in thinking


def test_without_extras_nothing_is_said_of_them() -> None:
    found = turns(calls=2, memory=300)
    del found[WIDE], found[FULL]
    said = text(found, Plan(rounds=3, seconds=7, has_extras=False))
    assert "under way" not in said
    assert "concurrency=8" not in said
    assert list(faults(found)) == []


def test_fifty_calls_within_two_gibibytes_are_promised() -> None:
    assert list(faults(turns(calls=50, memory=2_048))) == []
    [few] = faults(turns(calls=49, memory=300))
    assert "49 model calls" in few
    [large] = faults(turns(calls=64, memory=2_049))
    assert "2,049 MiB" in large
