"""How long the work at hand may still take, for everything below that waits.

The edge sets it once a request; each step then waits for the lesser of its own limit and what is left.
Work that no edge bounds (a worker's, a command's) has no deadline, and nothing changes for it.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import TimerHandle
from contextvars import ContextVar, Token

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)
"""By the monotonic clock. A context variable, so that tasks and threads of the request see it as well."""


class _Until:
    """A block with a deadline. A class, since contextlib's generators take twice as long."""

    __slots__ = ("_ends_at", "_token")

    _token: Token[float | None]

    def __init__(self, ends_at: float | None) -> None:
        self._ends_at = ends_at

    def __enter__(self) -> None:
        self._token = _ends_at.set(self._ends_at)

    def __exit__(self, *_: object) -> None:
        _ends_at.reset(self._token)


def within(seconds: float) -> _Until:
    """What the block does has to end in `seconds`, or by a deadline around it if that is sooner."""
    around = _ends_at.get()
    mine = time.monotonic() + seconds
    return _Until(mine if around is None else min(mine, around))


def leaving(seconds: float) -> _Until:
    """End the block so much sooner, for what comes after it. Without a deadline there is nothing to leave."""
    around = _ends_at.get()
    return _Until(None if around is None else around - seconds)


def left() -> float | None:
    """Seconds, not below 0; None: no deadline."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())


def limit(seconds: float) -> float:
    """`seconds`, or what is left where that is less."""
    remaining = left()
    return seconds if remaining is None else min(seconds, remaining)


class Timeout:
    """As `asyncio.timeout`, at half of its cost: `with Timeout(seconds):` raises TimeoutError at its end.

    For one block, which may be within another's. `is_over` says whether it was this one's end.
    """

    __slots__ = ("_cancels_before", "_seconds", "_task", "_timer", "is_over")

    _task: asyncio.Task[object]
    _cancels_before: int
    _timer: TimerHandle

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.is_over = False

    def __enter__(self) -> Timeout:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit is for what a task does")
        self._task = task
        self._cancels_before = task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: object) -> None:
        self._timer.cancel()
        # Whoever else cancelled the task meanwhile has the last word.
        is_last = self.is_over and self._task.uncancel() <= self._cancels_before
        if is_last and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from exc

    def _end(self) -> None:
        self.is_over = True
        self._task.cancel()
