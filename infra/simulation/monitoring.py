"""CloudWatch: what was measured, and from when on alarms can see it."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from infra.simulation.alarm import Metric
from infra.simulation.metric_math import Series
from infra.simulation.scenario import MINUTE, Surroundings

ROOTNOTE, ECS = "Rootnote", "AWS/ECS"
_STATISTICS = {ROOTNOTE: {"Maximum", "Minimum", "Average", "Sum"}, ECS: {"SampleCount"}}
"""Rootnote's metrics have one sample a minute, so these are the same. Of ECS's, only the count is known."""


@dataclass(kw_only=True, slots=True)
class Recent:
    """What models took of late, job by job."""

    surroundings: Surroundings
    _calls: deque[tuple[float, object, float]] = field(default_factory=deque)

    def note(self, now: float, job: object, seconds: float) -> None:
        self._calls.append((now, job, seconds))

    def job_seconds(self, now: float) -> float:
        """The mean of a job's calls together, as the function `backlog_metric` publishes it."""
        while self._calls and self._calls[0][0] < now - self.surroundings.recent:
            self._calls.popleft()
        of_job: dict[object, float] = {}
        for _, job, seconds in self._calls:
            of_job[job] = of_job.get(job, 0.0) + seconds
        mean = sum(of_job.values()) / len(of_job) if of_job else 0.0
        return max(mean, self.surroundings.least_job_seconds)


@dataclass(kw_only=True, slots=True)
class CloudWatch:
    """Values by metric and minute, each with the moment from which it can be seen."""

    rng: random.Random
    surroundings: Surroundings
    _seen: dict[tuple[str, str], dict[int, tuple[float, float]]] = field(default_factory=dict)

    def put_backlog(
        self, now: float, *, backlog: int, oldest_due: float, job_seconds: float, concurrency: int
    ) -> None:
        """What the function publishes. It has been measured within the minute of `now`."""
        visible = now + self.rng.uniform(*self.surroundings.emf_delay)
        values = {
            "Backlog": backlog,
            "OldestDueSeconds": oldest_due,
            "JobSeconds": job_seconds,
            "BacklogSeconds": backlog * job_seconds / concurrency,
        }
        for name, value in values.items():
            self._put(ROOTNOTE, name, int(now // MINUTE), visible, value)

    def put_tasks(self, now: float, tasks: int) -> None:
        """At the end of a minute, one sample a running task; none at all where none runs."""
        visible = now + self.rng.uniform(*self.surroundings.ecs_delay)
        if tasks:
            self._put(ECS, "CPUUtilization", int(now // MINUTE) - 1, visible, tasks)

    def series(self, metric: Metric, minutes: range, now: float) -> Series:
        if metric.statistic not in _STATISTICS.get(metric.namespace, set()):
            raise ValueError(f"{metric} is not simulated")
        known = self._seen.get((metric.namespace, metric.name), {})
        return {minute: known[minute][1] for minute in minutes if minute in known and known[minute][0] <= now}

    def _put(self, namespace: str, name: str, minute: int, visible: float, value: float) -> None:
        self._seen.setdefault((namespace, name), {})[minute] = (visible, float(value))
