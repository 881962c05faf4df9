"""One scenario from its beginning to its end."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.domain.job import JobState
from infra.simulation.alarm import Alarm
from infra.simulation.clock import Clock
from infra.simulation.fleet import Fleet, Phase
from infra.simulation.jobs import JobBook
from infra.simulation.models import Models
from infra.simulation.monitoring import CloudWatch, Recent
from infra.simulation.policy import Scaler
from infra.simulation.rules import Rules
from infra.simulation.scenario import MINUTE, Scenario, Surroundings
from infra.simulation.template import Scaling

_MEASURED_AT = 5.0
"""Seconds into a minute, when the backlog is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """The state at the end of a minute."""

    at: float
    backlog: int
    open: int
    desired: int
    running: int
    oldest_wait: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The desired number of tasks became another, by this policy."""

    at: float
    policy: str
    before: int
    after: int


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """`waits`: when each attempt began, and for how long it had been due. `open`: jobs without an end."""

    scenario: Scenario
    scaling: Scaling
    moments: tuple[Moment, ...]
    changes: tuple[Change, ...]
    waits: tuple[tuple[float, float], ...]
    task_seconds: float
    arrived: int
    ended: dict[JobState, int]
    open: int
    offline: int
    retries: int
    given_back: int


def run(
    scenario: Scenario,
    scaling: Scaling,
    *,
    seed: int = 1,
    surroundings: Surroundings | None = None,
    counts_from_now: bool = False,
) -> History:
    """The same seed gives the same history. For `counts_from_now` see `policy.Scaler`."""
    return _World(scenario, scaling, seed, surroundings or Surroundings(), counts_from_now).run()


class _World:
    def __init__(
        self,
        scenario: Scenario,
        scaling: Scaling,
        seed: int,
        surroundings: Surroundings,
        counts_from_now: bool,
    ) -> None:
        # A stream for each purpose: with one for all, a task more would be other arrivals.
        self._streams = [random.Random(f"{seed}/{n}") for n in range(5)]  # noqa: S311  (to be repeatable)
        arrivals, models, fleet, monitoring, jobs = self._streams
        self._scenario, self._scaling, self._arrivals = scenario, scaling, arrivals
        self._clock, self._rules = Clock(), Rules()
        self._recent = Recent(surroundings=surroundings)
        self._cloudwatch = CloudWatch(rng=monitoring, surroundings=surroundings)
        first = min(max(scaling.min_tasks, scenario.first_tasks), scaling.max_tasks)
        first = first if scaling.min_tasks else 0
        self._scaler = Scaler(
            min_tasks=scaling.min_tasks,
            max_tasks=scaling.max_tasks,
            desired=first,
            counts_from_now=counts_from_now,
        )
        self._book = JobBook(clock=self._clock, rules=self._rules, rng=jobs)
        self._fleet = Fleet(
            clock=self._clock,
            rng=fleet,
            rules=self._rules,
            surroundings=surroundings,
            models=Models(scenario=scenario, surroundings=surroundings, rules=self._rules, rng=models),
            book=self._book,
            desired=lambda: self._scaler.desired,
            note_calls=lambda job, seconds: self._recent.note(self._clock.now, job, seconds),
        )
        self._book.wake = self._fleet.dispatch
        self._phases = {alarm.name: monitoring.uniform(0, MINUTE) for alarm in scaling.alarms}
        self._moments: list[Moment] = []
        self._changes: list[Change] = []

    def run(self) -> History:
        self._fleet.have(self._scaler.desired)
        self._plan()
        self._clock.run_until(self._scenario.seconds)
        return self._history()

    def _plan(self) -> None:
        scenario, clock = self._scenario, self._clock
        if most := max((load.rate for load in scenario.loads), default=0.0):
            self._next_arrival(most)
        for spike in scenario.spikes:
            for _ in range(spike.jobs):
                clock.at(spike.at, self._book.arrive)
        for loss in scenario.spot_losses:
            clock.at(loss.at, partial(self._fleet.lose_spot, loss.share, loss.shortage))
        for at in scenario.kills:
            clock.at(at, self._fleet.kill_one)
        self._every_minute(_MEASURED_AT, self._measure)
        self._every_minute(MINUTE, self._end_minute)
        for alarm in self._scaling.alarms:
            self._every_minute(MINUTE + self._phases[alarm.name], partial(self._evaluate, alarm))

    def _every_minute(self, first: float, action: Callable[[], None]) -> None:
        def act() -> None:
            action()
            self._clock.after(MINUTE, act)

        self._clock.at(first, act)

    def _next_arrival(self, most: float) -> None:
        """Arrivals by chance, thinned out to the rate of the moment."""

        def arrive() -> None:
            if self._arrivals.random() * most < self._scenario.rate_at(self._clock.now):
                self._book.arrive()
            self._next_arrival(most)

        self._clock.after(self._arrivals.expovariate(most), arrive)

    def _measure(self) -> None:
        now = self._clock.now
        if any(start <= now < end for start, end in self._scenario.silences):
            return
        self._cloudwatch.put_backlog(
            now,
            backlog=self._book.backlog,
            oldest_due=self._book.oldest_wait(),
            job_seconds=self._recent.job_seconds(now),
            concurrency=self._rules.concurrency,
        )

    def _end_minute(self) -> None:
        running = self._fleet.count(Phase.RUNNING, Phase.LEAVING)
        self._cloudwatch.put_tasks(self._clock.now, running)
        self._moments.append(
            Moment(
                at=self._clock.now,
                backlog=self._book.backlog,
                open=self._book.open,
                desired=self._scaler.desired,
                running=running,
                oldest_wait=self._book.oldest_wait(),
            )
        )

    def _evaluate(self, alarm: Alarm) -> None:
        now = self._clock.now
        newest = math.floor(now / MINUTE) - 1
        values = alarm.breach(newest, lambda metric, minutes: self._cloudwatch.series(metric, minutes, now))
        if values is None:
            return
        before = self._scaler.desired
        policy = self._scaling.policies[alarm.policy]
        if self._scaler.ask(policy, values, threshold=alarm.threshold, now=now):
            self._changes.append(
                Change(at=now, policy=policy.name, before=before, after=self._scaler.desired)
            )
            self._fleet.reconcile()

    def _history(self) -> History:
        end = self._scenario.seconds
        return History(
            scenario=self._scenario,
            scaling=self._scaling,
            moments=tuple(self._moments),
            changes=tuple(self._changes),
            waits=tuple(self._book.waits),
            task_seconds=sum(min(task.gone_at, end) - task.asked_at for task in self._fleet.tasks),
            arrived=self._book.arrived,
            ended=dict(self._book.ended),
            open=self._book.open,
            offline=self._book.offline,
            retries=self._book.retries,
            given_back=self._book.given_back,
        )
