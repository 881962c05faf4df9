"""Runs in turns, and what they say together: on a noisy machine only neighbours can be compared."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        """As it stands in a table: `1,234 (1,100-1,300)`."""
        return f"{number(self.median)} ({number(self.lowest)}-{number(self.highest)})"


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError for none."""
    return Spread(median=median(values), lowest=min(values), highest=max(values))


def ratios(values: Sequence[float], to: Sequence[float]) -> Spread:
    """Of each round to the same round of another. Raises ValueError where they are not as many."""
    return spread([value / other for value, other in zip(values, to, strict=True)])


def in_turns(subjects: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Each subject once a round, in the order given; by name, one result for each round.

    Every other round goes the other way round, so that nobody always comes after the same neighbour.
    """
    found: dict[str, list[T]] = {name: [] for name in subjects}
    for turn in range(rounds):
        names = list(subjects) if turn % 2 == 0 else list(subjects)[::-1]
        for name in names:
            sys.stderr.write(f"round {turn + 1} of {rounds}: {name}\n")
            found[name].append(subjects[name]())
    return found


def number(value: float) -> str:
    """For people: about three digits, and a comma in thousands."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
