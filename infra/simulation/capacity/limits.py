"""Each part's limit, and how many events a day reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.settings import Settings
from infra.simulation import template
from infra.simulation.capacity.measure import Measured
from infra.simulation.capacity.reckon import DAY, GIB, Assumed, Demand, connections_a_task, demand

_PER_CONNECTION = 9_531_392
"""RDS allows one connection for each so many bytes of the instance's memory."""
_ONE_MILLION = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """`demanded` is of the same unit as `capacity`."""

    part: str
    capacity: float
    unit: str
    demanded: Callable[[Demand], float]
    remedy: str

    def events_a_day(self, batch: int, measured: Measured, assumed: Assumed) -> float:
        """How many a day reach it. All demands grow with the events, but for what is there at none."""
        most = demand(_ONE_MILLION * 1_000, batch, measured, assumed)
        return most.events * self.capacity / self.demanded(most)


def limits(measured: Measured) -> tuple[Limit, ...]:
    """Of the templates' defaults, and of an AWS account's."""
    return (*_of_requests(), *_of_the_instance(), *_of_the_disk(measured), *_of_jobs())


def _of_requests() -> tuple[Limit, ...]:
    return (
        Limit(
            part="the API's own throttle (ApiThrottleRate 50)",
            capacity=50,
            unit="requests/s",
            demanded=lambda d: d.peak_requests,
            remedy="raise it; send batches",
        ),
        Limit(
            part="API Gateway, one account and region",
            capacity=10_000,
            unit="requests/s",
            demanded=lambda d: d.peak_requests,
            remedy="send batches; ask AWS for more",
        ),
        Limit(
            part="Lambda's concurrency (an account's usual 1,000)",
            capacity=1_000,
            unit="at once",
            demanded=lambda d: d.peak_lambdas,
            remedy="send batches; more memory; ask AWS for more",
        ),
    )


def _of_the_instance() -> tuple[Limit, ...]:
    """db.t4g.micro: 1 GiB, and two processors of which a tenth each is for good."""
    of_workers = _most_tasks() * connections_a_task()
    return (
        Limit(
            part="connections of db.t4g.micro, less the workers'",
            capacity=GIB / _PER_CONNECTION - of_workers,
            unit="at once",
            demanded=lambda d: d.peak_lambdas,
            remedy="send batches; RDS Proxy; a larger instance",
        ),
        Limit(
            part="processors of db.t4g.micro, for good",
            capacity=0.2,
            unit="cores",
            demanded=lambda d: d.mean_database_cores,
            remedy="send batches; an instance that is not of class t",
        ),
    )


def _of_the_disk(measured: Measured) -> tuple[Limit, ...]:
    days = float(Settings.model_fields["event_days"].default)
    return (
        Limit(
            part=f"disk of 20 GB, kept for {days:g} days",
            capacity=0.85 * 20,
            unit="GB",
            demanded=lambda d: d.stored_gb,
            remedy="DatabaseStorageGb; fewer EVENT_DAYS; partitions by day",
        ),
        Limit(
            part="IOPS of gp3 below 400 GB",
            capacity=3_000,
            unit="a second",
            demanded=lambda d: d.peak_iops,
            remedy="send batches; 400 GB and more have 12,000",
        ),
        Limit(
            part="the weekly clean-up, if it may take half of the week",
            capacity=3.5 * DAY,
            unit="s",
            demanded=lambda d: d.deleted_a_week / measured.deleted_a_second,
            remedy="drop partitions instead",
        ),
    )


def _of_jobs() -> tuple[Limit, ...]:
    """Not of Redis: however many jobs wait, it holds a few hundred messages."""
    return (
        Limit(
            part=f"{_most_tasks()} worker tasks (MaxTasks)",
            capacity=_most_tasks(),
            unit="tasks",
            demanded=lambda d: d.worker_tasks,
            remedy="raise WorkerMaxTasks and JobsPerProcess",
        ),
    )


def _most_tasks() -> int:
    return template.scaling_of(template.read()).max_tasks


def readable(events: float) -> str:
    """1.2 million and the like: no more digits than are meant."""
    for size, word in ((1e9, "billion"), (_ONE_MILLION, "million"), (1e3, "thousand")):
        if events >= size:
            return f"{events / size:.2g} {word}" if events < 100 * size else f"{events / size:.0f} {word}"
    return f"{events:.0f}"
