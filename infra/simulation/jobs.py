"""Jobs, from their arrival to their end, and the queue that they wait in."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from core.domain.job import GiveUp, JobState, after_failure
from core.errors import Failure
from infra.simulation.clock import Clock
from infra.simulation.rules import Rules


@dataclass(kw_only=True, slots=True, eq=False)
class Job:
    """`due`: since when the present attempt could have begun; `seconds` of models, as in the ledger."""

    arrived: float
    due: float
    attempts: int = 0
    seconds: float = 0.0
    state: JobState = JobState.QUEUED


@dataclass(kw_only=True, slots=True)
class JobBook:
    """All jobs, and what became of them. `wake` is called when a job can be taken."""

    clock: Clock
    rules: Rules
    rng: random.Random
    wake: Callable[[], None] = lambda: None
    arrived: int = 0
    ended: dict[JobState, int] = field(default_factory=dict)
    offline: int = 0
    running: int = 0
    retries: int = 0
    given_back: int = 0
    waits: list[tuple[float, float]] = field(default_factory=list)
    """When each attempt began, and how long it had been due."""
    _queue: deque[Job] = field(default_factory=deque)
    _unsent: set[Job] = field(default_factory=set)
    """Due, but no message of it is in the queue: the sweeper will send one."""
    later: int = 0

    def arrive(self) -> None:
        self.arrived += 1
        self._queue.append(Job(arrived=self.clock.now, due=self.clock.now))
        self.wake()

    @property
    def backlog(self) -> int:
        """Due or running, as PostgreSQL knows it."""
        return len(self._queue) + len(self._unsent) + self.running

    @property
    def open(self) -> int:
        return self.backlog + self.later

    def oldest_wait(self) -> float:
        """Of those that are due, how long the oldest has been."""
        oldest = [job.due for job in self._unsent]
        # Sent in the order in which they were due, but for seconds.
        oldest += [self._queue[0].due] if self._queue else []
        return self.clock.now - min(oldest, default=self.clock.now)

    def take(self) -> Job | None:
        if not self._queue:
            return None
        job = self._queue.popleft()
        job.state = JobState.RUNNING
        job.attempts += 1
        self.running += 1
        self.waits.append((self.clock.now, self.clock.now - job.due))
        return job

    def succeed(self, job: Job, *, offline: bool) -> None:
        self.offline += offline
        self._end(job, JobState.DONE)

    def fail(self, job: Job, retry_after: float | None) -> None:
        verdict = after_failure(
            Failure.RETRYABLE,
            attempts=job.attempts,
            retry_after=retry_after,
            policy=self.rules.retries,
            jitter=self.rng.random(),
        )
        if isinstance(verdict, GiveUp):
            self._end(job, verdict.state)
            return
        self.running -= 1
        self.retries += 1
        self.later += 1
        job.state = JobState.QUEUED
        self.clock.after(verdict.delay.total_seconds(), lambda: self._is_due(job))

    def give_back(self, job: Job, *, counted: bool) -> None:
        """The worker stopped; `counted` where it could not say so, and its lease ran out."""
        self.given_back += 1
        if counted and job.attempts > self.rules.retries.max_retries:
            self._end(job, JobState.DEAD)
            return
        self.running -= 1
        job.state = JobState.QUEUED
        job.attempts -= not counted
        self.later += 1
        self._is_due(job)

    def _is_due(self, job: Job) -> None:
        self.later -= 1
        job.due = self.clock.now
        self._unsent.add(job)
        self.clock.after(self.rng.uniform(0, self.rules.sweep_interval), lambda: self._send(job))

    def _send(self, job: Job) -> None:
        self._unsent.remove(job)
        self._queue.append(job)
        self.wake()

    def _end(self, job: Job, state: JobState) -> None:
        self.running -= 1
        job.state = state
        self.ended[state] = self.ended.get(state, 0) + 1
