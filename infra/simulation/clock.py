"""Simulated time: what is to happen, in its order."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Action = Callable[[], None]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self._numbers = itertools.count()
        self._waiting: list[tuple[float, int, Action]] = []

    def at(self, when: float, action: Action) -> None:
        """Things of one moment happen in the order in which they were asked for."""
        heapq.heappush(self._waiting, (max(when, self.now), next(self._numbers), action))

    def after(self, seconds: float, action: Action) -> None:
        self.at(self.now + seconds, action)

    def run_until(self, end: float) -> None:
        while self._waiting and self._waiting[0][0] <= end:
            self.now, _, action = heapq.heappop(self._waiting)
            action()
        self.now = end
