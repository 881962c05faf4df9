"""The worker's ECS service: tasks that start, work, are protected while they do, and are ended."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from infra.simulation.clock import Clock
from infra.simulation.jobs import Job, JobBook
from infra.simulation.models import Asked, Models
from infra.simulation.rules import Rules
from infra.simulation.scenario import Surroundings
from worker.providers.breaker import Breaker


class Phase(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    LEAVING = "leaving"
    """Has its SIGTERM: takes nothing new, and finishes what it has while the grace lasts."""
    GONE = "gone"


@dataclass(kw_only=True, slots=True, eq=False)
class Place:
    """One process of a worker's pool."""

    task: Task
    breaker: Breaker = field(default_factory=Breaker)
    job: Job | None = None


@dataclass(kw_only=True, slots=True, eq=False)
class Task:
    asked_at: float
    phase: Phase = Phase.STARTING
    places: list[Place] = field(default_factory=list)
    gone_at: float = math.inf
    guarded_since: float | None = None
    """Protected from scale-in since then."""
    unguarded_until: float = 0.0
    idle_since: float = 0.0

    @property
    def is_idle(self) -> bool:
        return all(place.job is None for place in self.places)


@dataclass(kw_only=True, slots=True)
class Fleet:
    """`desired()` is what autoscaling wants. `note_calls` hears what each job's models took."""

    clock: Clock
    rng: random.Random
    rules: Rules
    surroundings: Surroundings
    models: Models
    book: JobBook
    desired: Callable[[], int]
    note_calls: Callable[[Job, float], None]
    tasks: list[Task] = field(default_factory=list)
    _idle: list[Place] = field(default_factory=list)
    _shortage_until: float = 0.0

    def count(self, *phases: Phase) -> int:
        return sum(task.phase in phases for task in self.tasks)

    def reconcile(self) -> None:
        """As ECS does: start what is missing, end what is too much and not protected."""
        kept = [task for task in self.tasks if task.phase in (Phase.STARTING, Phase.RUNNING)]
        missing = self.desired() - len(kept)
        if missing > 0 and self.clock.now < self._shortage_until:
            self.clock.at(self._shortage_until, self.reconcile)
            return
        for _ in range(missing):
            self._start()
        if missing < 0:
            endable = [task for task in kept if task.phase is Phase.STARTING or task.guarded_since is None]
            endable.sort(key=lambda task: (task.phase is Phase.RUNNING, -task.asked_at))
            for task in endable[:-missing]:
                self.end(task)

    def have(self, count: int) -> None:
        """Tasks that run from the beginning."""
        for _ in range(count):
            task = self._new()
            self._is_ready(task)

    def lose_spot(self, share: float, shortage: float) -> None:
        running = [task for task in self.tasks if task.phase is Phase.RUNNING]
        self._shortage_until = self.clock.now + shortage
        for task in self.rng.sample(running, round(len(running) * share)):
            self.end(task)
        self.reconcile()

    def kill_one(self) -> None:
        """SIGKILL: its jobs' leases run out, and the sweeper finds them."""
        running = [task for task in self.tasks if task.phase is Phase.RUNNING]
        if not running:
            return
        task = self.rng.choice(running)
        self._idle = [place for place in self._idle if place.task is not task]
        for place in task.places:
            if (job := place.job) is not None:
                place.job = None
                self.clock.after(self.rules.lease, partial(self.book.give_back, job, counted=True))
        self._is_gone(task)
        self.reconcile()

    def end(self, task: Task) -> None:
        """SIGTERM."""
        if task.phase is Phase.STARTING:
            self._is_gone(task)
            return
        task.phase = Phase.LEAVING
        self._idle = [place for place in self._idle if place.task is not task]
        if task.is_idle:
            self.clock.after(self.surroundings.leave, lambda: self._is_gone(task))
        else:
            self.clock.after(self.rules.grace, lambda: self._give_back(task))

    def dispatch(self) -> None:
        """Messages go to any process that waits for one."""
        while self._idle:
            job = self.book.take()
            if job is None:
                return
            place = self._idle.pop(self.rng.randrange(len(self._idle)))
            self._work(place, job)

    def _new(self) -> Task:
        task = Task(asked_at=self.clock.now)
        task.places = [Place(task=task) for _ in range(self.rules.concurrency)]
        self.tasks.append(task)
        return task

    def _start(self) -> None:
        task = self._new()
        self.clock.after(self.rng.uniform(*self.surroundings.start), lambda: self._is_ready(task))

    def _is_ready(self, task: Task) -> None:
        if task.phase is Phase.STARTING:
            task.phase = Phase.RUNNING
            task.idle_since = self.clock.now
            self._idle += task.places
            self.dispatch()

    def _work(self, place: Place, job: Job) -> None:
        place.job = job
        self._guard(place.task)
        asked = self.models.ask(place.breaker, self.clock.now)
        seconds = self.surroundings.overhead + asked.seconds
        self.clock.after(seconds, lambda: self._is_done(place, job, asked))

    def _is_done(self, place: Place, job: Job, asked: Asked) -> None:
        if place.job is not job:
            return
        place.job = None
        if asked.seconds:
            self.note_calls(job, asked.seconds)
        if asked.is_answered or self.models.scenario.offline:
            self.book.succeed(job, offline=not asked.is_answered)
        else:
            self.book.fail(job, asked.retry_after)
        task = place.task
        if task.phase is Phase.RUNNING:
            self._idle.append(place)
            self.dispatch()
        if task.is_idle:
            self._is_quiet(task)

    def _is_quiet(self, task: Task) -> None:
        if task.phase is Phase.LEAVING:
            self.clock.after(self.surroundings.leave, lambda: self._is_gone(task))
            return
        since = task.idle_since = self.clock.now

        def release() -> None:
            if task.is_idle and task.idle_since == since:
                task.guarded_since = None
                self.reconcile()

        self.clock.after(self.surroundings.quiet, release)

    def _guard(self, task: Task) -> None:
        if task.guarded_since is not None or self.clock.now < task.unguarded_until:
            return
        since = task.guarded_since = self.clock.now

        def pause() -> None:
            if task.guarded_since == since:
                task.guarded_since = None
                task.unguarded_until = self.clock.now + self.surroundings.pause
                self.reconcile()

        self.clock.after(self.surroundings.guarded, pause)

    def _give_back(self, task: Task) -> None:
        if task.phase is Phase.GONE:
            return
        for place in task.places:
            if (job := place.job) is not None:
                place.job = None
                self.book.give_back(job, counted=False)
        self._is_gone(task)

    def _is_gone(self, task: Task) -> None:
        if task.phase is not Phase.GONE:
            task.phase = Phase.GONE
            task.gone_at = self.clock.now
