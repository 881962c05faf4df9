"""What was measured and reckoned, as Markdown."""

from __future__ import annotations

from core.settings import Settings
from infra.simulation.capacity.costs import costs
from infra.simulation.capacity.limits import limits, readable
from infra.simulation.capacity.measure import BATCH, Measured
from infra.simulation.capacity.reckon import Assumed, demand
from infra.simulation.table import markdown
from worker.providers.base import Usage
from worker.providers.pricing import cost_usd

_DAYS = (1e6, 1e7, 1e8)
_USUAL_CALL = Usage(input=1_400, output=500)
"""Of an analysis, as docs/cost.md reckons it."""


def measured_table(measured: Measured) -> str:
    single, batched = measured.single, measured.batched
    rows = [
        ("API, CPU", f"{single.api_cpu_ms:.2f} ms", f"{batched.api_cpu_ms:.2f} ms"),
        ("PostgreSQL, CPU", f"{single.database_cpu_ms:.2f} ms", f"{batched.database_cpu_ms:.2f} ms"),
        ("one request, by the clock", f"{single.api_wall_ms:.1f} ms", f"{batched.api_wall_ms:.0f} ms"),
        ("WAL", f"{single.wal_bytes:,.0f} B", f"{batched.wal_bytes:,.0f} B"),
        ("the API's log", f"{single.log_bytes:.0f} B", f"{batched.log_bytes:.0f} B"),
        ("row of `error_events`, indexes included", f"{measured.event_bytes:,.0f} B", "the same"),
        ("row of `error_analysis`, indexes included", f"{measured.analysis_bytes:,.0f} B", "the same"),
    ]
    return markdown((f"per event of {measured.body_bytes:,} B", "one by one", f"{BATCH} a request"), rows)


def other_table(measured: Measured) -> str:
    rows = [
        ("a new group with its job and its ledger row", f"{measured.group_bytes:,.0f} B of PostgreSQL"),
        ("a message that waits", f"{measured.message_bytes:,.0f} B of Valkey"),
        ("deleting events with their analyses", f"{measured.deleted_a_second:,.0f} a second"),
    ]
    return markdown(("beside", "measured"), rows)


def days_table(measured: Measured, assumed: Assumed) -> str:
    headings = ["a day's events"]
    columns: list[list[str]] = []
    for events in _DAYS:
        for batch in (1, BATCH):
            headings.append(f"{readable(events)}, {'one by one' if batch == 1 else f'{batch} a request'}")
            d = demand(events, batch, measured, assumed)
            columns.append(
                [
                    f"{d.peak_requests:,.0f}" if d.peak_requests >= 10 else f"{d.peak_requests:.1f}",
                    f"{d.lambda_ms:.0f} ms",
                    f"{d.peak_lambdas:,.1f}" if d.peak_lambdas < 10 else f"{d.peak_lambdas:,.0f}",
                    f"{d.peak_connections:,.0f}",
                    f"{d.mean_database_cores:.2f} / {d.peak_database_cores:.2f}",
                    f"{d.peak_iops:,.0f}",
                    f"{d.wal_gb_a_day:,.0f} GB",
                    f"{d.stored_gb_a_day:,.1f} GB",
                    f"{d.stored_gb:,.0f} GB",
                    f"{d.groups:,.0f}",
                    f"{d.worker_tasks:,.0f}",
                ]
            )
    labels = (
        "requests a second at the peak",
        "a request's Lambda time",
        "Lambdas at once at the peak",
        "connections at the peak",
        "PostgreSQL's cores, mean / peak",
        "writes a second at the peak",
        "WAL a day",
        "storage a day",
        f"storage after {assumed.retention_days:g} days",
        "new groups (model calls)",
        "worker tasks",
    )
    rows = [(label, *(column[index] for column in columns)) for index, label in enumerate(labels)]
    return markdown(tuple(headings), rows)


def limits_table(measured: Measured, assumed: Assumed) -> str:
    """What saturates first comes first."""
    reached = [
        (limit, limit.events_a_day(1, measured, assumed), limit.events_a_day(BATCH, measured, assumed))
        for limit in limits(measured)
    ]
    reached.sort(key=lambda item: item[1])
    rows = [
        (
            limit.part,
            f"{limit.capacity:,.3g} {limit.unit}"
            if limit.capacity < 1_000
            else f"{limit.capacity:,.0f} {limit.unit}",
            readable(alone),
            readable(batched),
            limit.remedy,
        )
        for limit, alone, batched in reached
    ]
    return markdown(("part", "limit", "events a day, one by one", f"{BATCH} a request", "then"), rows)


def workers_table(measured: Measured, assumed: Assumed) -> str:
    model = str(Settings.model_fields["openai_model"].default)
    usd = cost_usd("openai", model, _USUAL_CALL) or 0.0
    rows = []
    for groups in (1e3, 1e4, 1e5, 1e6):
        d = demand(groups / assumed.new_groups, 1, measured, assumed)
        rows.append((f"{groups:,.0f}", f"{d.worker_tasks:,.0f}", f"${groups * usd:,.2f}"))
    return markdown(("new groups a day", "worker tasks at the peak", f"{model} a day"), rows)


def costs_table(measured: Measured, assumed: Assumed) -> str:
    columns = [
        costs(events, batch, measured, assumed) for events, batch in ((1e3, 1), (1e6, 1), (1e6, BATCH))
    ]
    rows = [(name, *(f"${column[name]:,.4f}" for column in columns)) for name in columns[0]]
    total = [sum(value for name, value in column.items() if not name.startswith("SQS")) for column in columns]
    rows.append(("all but SQS", *(f"${value:,.4f}" for value in total)))
    return markdown(("USD for events", "1,000", "1,000,000", f"1,000,000 in requests of {BATCH}"), rows)
