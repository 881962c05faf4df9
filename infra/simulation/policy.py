"""Step scaling as Application Auto Scaling does it: which step, how many tasks, and what a cooldown stops.

From its user guide ("Step scaling policies"): bounds count from the alarm's threshold; above it the lower
one belongs to a step, below it the upper one; percentages are rounded towards zero, but never to zero;
capacity that was added within the cooldown counts as part of what a further scale-out asks for; a
cooldown after a scale-in stops further scale-ins and no scale-out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

_AGGREGATIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Maximum": max,
    "Minimum": min,
    "Average": fmean,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StepAdjustment:
    lower: float
    upper: float
    adjustment: int

    def holds(self, breach: float) -> bool:
        if breach >= 0:
            return self.lower <= breach < self.upper
        return self.lower < breach <= self.upper


@dataclass(frozen=True, kw_only=True, slots=True)
class StepPolicy:
    """`min_magnitude` is of percentages only. `cooldown` is in seconds."""

    name: str
    adjustment_type: str
    steps: tuple[StepAdjustment, ...]
    min_magnitude: int
    aggregation: str
    cooldown: float

    def change(self, capacity: int, values: Sequence[float], *, threshold: float) -> int:
        """Tasks to add (or, below zero, to remove) for what the alarm saw. No step: none."""
        breach = _AGGREGATIONS[self.aggregation](values) - threshold
        step = next((step for step in self.steps if step.holds(breach)), None)
        if step is None:
            return 0
        match self.adjustment_type:
            case "ChangeInCapacity":
                return step.adjustment
            case "ExactCapacity":
                return step.adjustment - capacity
            case "PercentChangeInCapacity":
                return percent_change(capacity, step.adjustment, min_magnitude=self.min_magnitude)
        raise ValueError(f"{self.name}: {self.adjustment_type} is not known here")


def percent_change(capacity: int, percent: int, *, min_magnitude: int = 0) -> int:
    """12.7 tasks are 12, 0.67 are 1, -0.58 are -1, -6.67 are -6; nothing of nothing is nothing."""
    exact = capacity * percent / 100
    if exact == 0:
        return 0
    magnitude = max(1, math.floor(abs(exact)), min_magnitude)
    return magnitude if exact > 0 else -magnitude


@dataclass(kw_only=True, slots=True)
class Scaler:
    """The desired number of tasks of one service, and what cooldowns are under way.

    `counts_from_now` is the other way to read the guide where it leaves a percentage open: that the
    percentage of a further scale-out is one of the capacity as it is now, and not as it was before
    the first one.
    """

    min_tasks: int
    max_tasks: int
    desired: int
    counts_from_now: bool = False
    _before: int = 0
    _out_until: float = -math.inf
    _in_until: float = -math.inf

    def ask(self, policy: StepPolicy, values: Sequence[float], *, threshold: float, now: float) -> int:
        """What an alarm's action does at `now`. Gives by how much `desired` has changed."""
        change = policy.change(self.desired, values, threshold=threshold)
        if change < 0:
            return self._remove(policy, change, now)
        if now >= self._out_until:
            self._before = self.desired
        if self.counts_from_now:
            wanted = self._before + change
        else:
            wanted = self._before + policy.change(self._before, values, threshold=threshold)
        wanted = min(wanted, self.max_tasks)
        added = wanted - self.desired
        if added <= 0:
            return 0
        self.desired = wanted
        self._out_until = now + policy.cooldown
        return added

    def _remove(self, policy: StepPolicy, change: int, now: float) -> int:
        if now < self._in_until:
            return 0
        wanted = max(self.desired + change, self.min_tasks)
        removed = wanted - self.desired
        if removed:
            self.desired = wanted
            self._in_until = now + policy.cooldown
            # A later scale-out counts from here.
            self._out_until = -math.inf
        return removed
