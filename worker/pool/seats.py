"""How many tasks each process of the pool has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection


class Seats:
    """Stands where Celery's pool has its set of busy processes, each known by the pipe that it reads from.

    A process is busy when its last seat is taken, and passed over while another one has fewer taken, so
    that tasks are spread evenly. `up` are the pipes of all processes that take tasks.
    """

    def __init__(self, seats: int, *, up: Collection[int]) -> None:
        self._seats = seats
        self._up = up
        self._taken: Counter[int] = Counter()
        self._leaving: set[int] = set()

    def __len__(self) -> int:
        """Of processes that can take no task."""
        return sum(not self._is_open(pipe) for pipe in self._up)

    def __contains__(self, pipe: int) -> bool:
        if not self._is_open(pipe):
            return True
        least = min((self._taken[other] for other in self._up if self._is_open(other)), default=0)
        return self._taken[pipe] > least

    def add(self, pipe: int) -> None:
        """A task is sent to the process."""
        self._taken[pipe] += 1

    def release(self, pipe: int) -> None:
        """A task has ended there."""
        self._taken[pipe] = max(0, self._taken[pipe] - 1)

    def leave(self, pipe: int) -> None:
        """The process is to get no more: it will end."""
        self._leaving.add(pipe)

    def discard(self, pipe: int) -> None:
        """The process is gone. Another may come to have a pipe of this number."""
        self._taken.pop(pipe, None)
        self._leaving.discard(pipe)

    def intersection_update(self, busy: object) -> None:
        """Celery forgets here which processes are busy with tasks that it has taken back from the pool. They
        are at work on them all the same, and say so when they end."""

    def _is_open(self, pipe: int) -> bool:
        return self._taken[pipe] < self._seats and pipe not in self._leaving
