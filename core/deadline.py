"""How long the work at hand may still take, for everything below that waits.

The edge sets it once a request; each step then waits for the lesser of its own limit and what is left.
Work that no edge bounds (a worker's, a command's) has no deadline, and nothing changes for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)
"""By the monotonic clock. A context variable, so that tasks and threads of the request see it as well."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What the block does has to end in `seconds`, or by a deadline around it if that is sooner."""
    around = _ends_at.get()
    mine = time.monotonic() + seconds
    token = _ends_at.set(mine if around is None else min(mine, around))
    try:
        yield
    finally:
        _ends_at.reset(token)


@contextmanager
def leaving(seconds: float) -> Iterator[None]:
    """End the block so much sooner, for what comes after it. Without a deadline there is nothing to leave."""
    around = _ends_at.get()
    token = _ends_at.set(None if around is None else around - seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def left() -> float | None:
    """Seconds, not below 0; None: no deadline."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())


def limit(seconds: float) -> float:
    """`seconds`, or what is left where that is less."""
    remaining = left()
    return seconds if remaining is None else min(seconds, remaining)
