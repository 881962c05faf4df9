"""What the benchmark of ingest makes of its rounds."""

from __future__ import annotations

from tests.load.ingest_table import (
    ALONE,
    BATCHES,
    GUIDE,
    OURS,
    PUSHES,
    SINGLES,
    Measured,
    Turns,
    row_name,
    tables,
)


def rounds(*rates: float) -> list[Measured]:
    """Of a server that is always busy: all of its time goes into its events."""
    return [
        Measured(events_a_second=rate, p50=1.5, p99=9, server=9e5 / rate, postgres=1e5 / rate)
        for rate in rates
    ]


MEASURED = {
    row_name(SINGLES, OURS): rounds(3_000, 1_500, 1_800),
    row_name(SINGLES, GUIDE): rounds(200, 100, 100),
    row_name(ALONE, OURS): rounds(500, 500, 500),
    row_name(ALONE, GUIDE): rounds(100, 100, 100),
    row_name(BATCHES, OURS): rounds(29_000, 29_000, 29_000),
    row_name(BATCHES, GUIDE): rounds(1_000, 1_000, 1_000),
    row_name(SINGLES, PUSHES): [Measured(events_a_second=70_000, valkey=10)] * 3,
}
TEXT = tables(MEASURED, {OURS: Turns(postgres=1, valkey=0.125)})


def table_of(heading: str) -> str:
    return TEXT.partition(f"### {heading}\n")[2].partition("### ")[0]


def test_ratios_are_of_neighbours_and_not_of_medians() -> None:
    ours = "| Rootnote | 1,800 (1,500-3,000) | 15.0 (15.0-18.0) | 15.0 (15.0-18.0) | 1.50 (1.50-1.50) |"
    assert ours in table_of(SINGLES)
    assert f"| {GUIDE} | 100 (100-200) | 1.00 (1.00-1.00) |" in table_of(SINGLES)


def test_a_target_is_said_to_be_met_or_not() -> None:
    assert (
        "Target: 15 times the guide's rate. In this run 15.0 times, with 15.0 times less CPU: met."
        in table_of(SINGLES)
    )
    assert (
        "Target: 30 times the guide's rate. In this run 29.0 times, with 29.0 times less CPU: not met."
        in table_of(BATCHES)
    )
    assert "Target" not in table_of(ALONE)


def test_what_was_not_measured_has_a_dash() -> None:
    assert (
        f"| {PUSHES} | 70,000 (70,000-70,000) | 700 (350-700) | 1,000 (500-1,000) | - | - | - | - |"
        in table_of(SINGLES)
    )


def test_charts_are_of_ratios_and_leave_bare_pushes_out() -> None:
    assert f'x-axis ["{OURS}", "{GUIDE}"]' in table_of(SINGLES)
    assert "bar [15, 1]" in table_of(SINGLES)
    assert "bar [29, 1]" in table_of(BATCHES)


def test_round_trips_are_a_table_of_their_own() -> None:
    assert f"| {OURS} | 1.00 | 0.12 |" in table_of("Round trips")
