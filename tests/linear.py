"""Whether a function's cost grows as its input does: by the ratio of processor times, not by seconds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST_SIZE = 1_024
ENOUGH_SECONDS = 0.02
"""Less cannot be told from the clock's own noise."""
MOST_RATIO = 8.0
"""For four times the input: linear work takes 4, quadratic work 16."""
_ATTEMPTS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A text of any length: `head`, then `unit` again and again, then `tail`."""

    unit: str
    head: str = ""
    tail: str = ""

    def text(self, size: int) -> str:
        return self.head + (self.unit * (size // len(self.unit) + 1))[:size] + self.tail


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """How much dearer the larger input of `size` characters was than one of a quarter."""

    size: int
    seconds: float
    ratio: float


def growth(run: Callable[[str], object], shape: Shape, *, largest: int) -> Growth | None:
    """The first growth that is too steep, and stays so when it is measured again. None: linear.

    Sizes grow by four until the cost can be told, so that what is quadratic does not hang the test.
    """
    size, small = FIRST_SIZE, _cost(run, shape.text(FIRST_SIZE))
    while size * 4 <= largest:
        size *= 4
        large = _cost(run, shape.text(size))
        if large >= ENOUGH_SECONDS and large >= small * MOST_RATIO:
            found = _again(run, shape, size)
            if found.ratio >= MOST_RATIO:
                return found
        small = large
    return None


def _again(run: Callable[[str], object], shape: Shape, size: int) -> Growth:
    """The least of several attempts: other programs only ever make a measurement longer."""
    small = min(_cost(run, shape.text(size // 4)) for _ in range(_ATTEMPTS))
    large = min(_cost(run, shape.text(size)) for _ in range(_ATTEMPTS))
    return Growth(size=size, seconds=large, ratio=large / max(small, 1e-6))


def _cost(run: Callable[[str], object], text: str) -> float:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        started = time.process_time()
        run(text)
        return time.process_time() - started
    finally:
        if was_enabled:
            gc.enable()
