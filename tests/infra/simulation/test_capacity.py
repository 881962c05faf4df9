"""The arithmetic of what a deployment can take. The measurement itself is tested with real servers."""

from __future__ import annotations

import pytest

from infra.simulation.capacity import tables
from infra.simulation.capacity.costs import costs
from infra.simulation.capacity.limits import limits, readable
from infra.simulation.capacity.measure import BATCH, Ingest, Measured
from infra.simulation.capacity.reckon import Assumed, demand, lambda_ms, worker_tasks

ALONE = Ingest(api_cpu_ms=2, api_wall_ms=3, database_cpu_ms=1, wal_bytes=4_096, log_bytes=200)
BATCHED = Ingest(api_cpu_ms=0.5, api_wall_ms=60, database_cpu_ms=0.1, wal_bytes=4_096, log_bytes=2)
MEASURED = Measured(
    body_bytes=1_500,
    single=ALONE,
    batched=BATCHED,
    event_bytes=2_000,
    analysis_bytes=3_000,
    group_bytes=2_500,
    message_bytes=1_000,
    deleted_a_second=20_000,
)
ASSUMED = Assumed(
    peak=2, lambda_mb=1_769 / 4, waiting_ms=2, retention_days=10, new_groups=0.001, concurrency=2
)


def test_a_day_of_events_one_by_one() -> None:
    d = demand(8_640_000, 1, MEASURED, ASSUMED)
    assert d.peak_requests == pytest.approx(200)
    assert d.lambda_ms == pytest.approx(2 * 4 + 2)
    assert d.peak_lambdas == pytest.approx(2)
    assert (d.mean_database_cores, d.peak_database_cores) == pytest.approx((0.1, 0.2))
    assert d.peak_iops == pytest.approx(200 * 2)
    assert d.wal_gb_a_day == pytest.approx(35.4, abs=0.1)
    assert d.groups == pytest.approx(8_640)
    assert d.stored_gb == pytest.approx(10 * (8_640_000 * 5_000 + 8_640 * 2_500) / 1e9)


def test_batches_cost_requests_and_processors_less_and_disks_the_same() -> None:
    one, many = (demand(1e7, batch, MEASURED, ASSUMED) for batch in (1, BATCH))
    assert many.peak_requests == pytest.approx(one.peak_requests / BATCH)
    assert many.peak_lambdas < one.peak_lambdas
    assert many.mean_database_cores == pytest.approx(one.mean_database_cores / 10)
    assert many.stored_gb == one.stored_gb


def test_only_what_was_measured_is_reckoned() -> None:
    with pytest.raises(ValueError, match="not 7"):
        demand(1e6, 7, MEASURED, ASSUMED)


@pytest.mark.parametrize(
    ("groups", "tasks"), [(0, 1), (1_000, 1), (28_800, 2), (100_000, 7), (1_000_000, 70)]
)
def test_worker_tasks_follow_new_groups(groups: float, tasks: float) -> None:
    """Six seconds each, two at a time, and twice as many at the peak."""
    assert worker_tasks(groups, ASSUMED) == tasks


def test_more_memory_than_a_processor_needs_is_of_no_use() -> None:
    assert lambda_ms(ALONE, 1, Assumed(lambda_mb=1_769)) == lambda_ms(ALONE, 1, Assumed(lambda_mb=4_096))


@pytest.mark.parametrize("batch", [1, BATCH])
def test_at_its_number_of_events_a_part_is_at_its_limit(batch: int) -> None:
    for limit in limits(MEASURED):
        events = limit.events_a_day(batch, MEASURED, ASSUMED)
        if limit.unit == "tasks":
            continue  # These are whole.
        assert limit.demanded(demand(events, batch, MEASURED, ASSUMED)) == pytest.approx(limit.capacity), (
            limit.part
        )


def test_what_saturates_first_stands_first() -> None:
    rows = tables.limits_table(MEASURED, ASSUMED).splitlines()[2:]
    assert len(rows) == len(limits(MEASURED))
    assert rows[0].startswith("| disk of 20 GB")


def test_what_a_million_events_cost() -> None:
    alone, batched = (costs(1e6, batch, MEASURED, ASSUMED) for batch in (1, BATCH))
    assert alone["API Gateway"] == pytest.approx(3.5)
    assert batched["API Gateway"] == pytest.approx(0.035)
    assert alone["Lambda, time"] == pytest.approx(1e6 * 0.010 * 1_769 / 4 / 1_024 * 0.0000133334)
    assert alone["disk, for as long as they are kept"] == pytest.approx(5 * 0.115 * 10 / 30)


def test_numbers_are_said_no_more_exactly_than_they_are_meant() -> None:
    assert [readable(n) for n in (12, 41_234, 1_440_000, 38_700_000, 144_000_000, 2.9e10)] == [
        "12",
        "41 thousand",
        "1.4 million",
        "39 million",
        "144 million",
        "29 billion",
    ]


def test_all_tables_are_whole() -> None:
    for text in (
        tables.measured_table(MEASURED),
        tables.other_table(MEASURED),
        tables.days_table(MEASURED, ASSUMED),
        tables.limits_table(MEASURED, ASSUMED),
        tables.workers_table(MEASURED, ASSUMED),
        tables.costs_table(MEASURED, ASSUMED),
    ):
        assert len({line.count("|") for line in text.splitlines()}) == 1
