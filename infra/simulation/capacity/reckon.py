"""From one event's cost to a day's: arithmetic only, with its assumptions in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.settings import Settings
from infra.simulation.capacity.measure import BATCH, Ingest, Measured

DAY = 86_400.0
GIB = 1024**3


_POOL_SIZE = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumed:
    """What is neither measured nor in the code.

    `peak`: the busiest minutes over the day's mean. `new_groups`: of all events, those that are the
    first of their group, and so cost a model call. `waiting_ms`: of a request, for PostgreSQL's commit
    and Redis over a network. `lambda_mb`: a whole processor comes with 1,769 MB. `used_share`: of the
    places of workers, those that are busy at the mean load.
    """

    peak: float = 3.0
    new_groups: float = 0.001
    waiting_ms: float = 8.0
    lambda_mb: float = 512.0
    job_seconds: float = 6.0
    used_share: float = 0.6
    retention_days: float = float(Settings.model_fields["event_days"].default)
    concurrency: float = float(
        Settings.model_fields["worker_concurrency"].default
        * Settings.model_fields["jobs_per_process"].default
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """Of so many events a day. `peak_*` are of the busiest minutes; connections, all that are held."""

    events: float
    batch: int
    peak_requests: float
    lambda_ms: float
    peak_lambdas: float
    peak_connections: float
    mean_database_cores: float
    peak_database_cores: float
    peak_iops: float
    wal_gb_a_day: float
    stored_gb_a_day: float
    stored_gb: float
    groups: float
    worker_tasks: float
    deleted_a_week: float


def ingest_of(measured: Measured, batch: int) -> Ingest:
    if batch not in (1, BATCH):
        raise ValueError(f"measured were 1 and {BATCH} events a request, not {batch}")
    return measured.single if batch == 1 else measured.batched


def demand(events: float, batch: int, measured: Measured, assumed: Assumed) -> Demand:
    """`batch` events a request: 1 or measure.BATCH."""
    cost = ingest_of(measured, batch)
    mean = events / DAY
    peak = mean * assumed.peak
    requests = peak / batch
    duration = lambda_ms(cost, batch, assumed)
    lambdas = requests * duration / 1_000
    groups = events * assumed.new_groups
    tasks = worker_tasks(groups, assumed)
    stored = events * (measured.event_bytes + measured.analysis_bytes)
    stored += groups * measured.group_bytes
    return Demand(
        events=events,
        batch=batch,
        peak_requests=requests,
        lambda_ms=duration,
        peak_lambdas=lambdas,
        peak_connections=lambdas + tasks * connections_a_task(),
        mean_database_cores=mean * cost.database_cpu_ms / 1_000,
        peak_database_cores=peak * cost.database_cpu_ms / 1_000,
        peak_iops=peak * iops_an_event(cost, batch),
        wal_gb_a_day=events * cost.wal_bytes / 1e9,
        stored_gb_a_day=stored / 1e9,
        stored_gb=stored * assumed.retention_days / 1e9,
        groups=groups,
        worker_tasks=tasks,
        deleted_a_week=7 * events,
    )


def connections_a_task() -> int:
    """Of a worker: DATABASE_POOL_SIZE (infra/worker.yaml) for each process of its pool, and one."""
    return int(Settings.model_fields["worker_concurrency"].default) * _POOL_SIZE + 1


def lambda_ms(cost: Ingest, batch: int, assumed: Assumed) -> float:
    """One request's billed duration, once warm: the CPU's on a share of a processor, and the waiting."""
    share = min(1.0, assumed.lambda_mb / 1_769)
    return cost.api_cpu_ms * batch / share + assumed.waiting_ms


def iops_an_event(cost: Ingest, batch: int) -> float:
    """A commit for each request; WAL in pages of 8 KiB, and as much again when a checkpoint writes tables."""
    return 1 / batch + 2 * cost.wal_bytes / 8_192


def worker_tasks(groups_a_day: float, assumed: Assumed) -> float:
    """One model call a group, and not an event; at the peak every place may be busy."""
    busy = groups_a_day / DAY * assumed.job_seconds / assumed.concurrency
    return max(1, math.ceil(max(busy * assumed.peak, busy / assumed.used_share)))
