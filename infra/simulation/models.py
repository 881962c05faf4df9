"""How long a job's model calls take, and whether one of them answers."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from core.errors import Failure
from infra.simulation.rules import Rules
from infra.simulation.scenario import Scenario, Surroundings, Trouble
from worker.providers.breaker import Breaker


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """`retry_after` as the chain says it: the shortest that a provider which was not asked needs."""

    seconds: float
    is_answered: bool
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """The scenario's providers, each behind the worker's own circuit breaker."""

    scenario: Scenario
    surroundings: Surroundings
    rules: Rules
    rng: random.Random

    def ask(self, breaker: Breaker, now: float) -> Asked:
        """One job's calls, beginning at `now`. `breaker` is the process's: it asks nothing else meanwhile."""
        seconds = 0.0
        waits: list[float] = []
        for number in range(self.scenario.providers):
            name = f"provider {number}"
            wait = breaker.wait(name, now + seconds)
            if wait > 0:
                waits.append(wait)
                continue
            took, is_answered = self._call(now + seconds)
            seconds += took
            if is_answered:
                breaker.succeeded(name)
                return Asked(seconds=seconds, is_answered=True)
            breaker.failed(name, Failure.RETRYABLE, None, now + seconds)
        return Asked(seconds=seconds, is_answered=False, retry_after=min(waits, default=None))

    def _call(self, now: float) -> tuple[float, bool]:
        trouble = self.scenario.trouble_at(now)
        if trouble is Trouble.REFUSES:
            return self.surroundings.refusal, False
        seconds = self.rng.lognormvariate(
            math.log(self.surroundings.model_median), self.surroundings.model_sigma
        )
        if trouble is Trouble.TIMES_OUT or seconds >= self.rules.call_timeout:
            return self.rules.call_timeout, False
        return seconds, True
