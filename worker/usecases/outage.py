"""Waiting for PostgreSQL where giving up costs more: an answer that was paid for, a job that is at hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from core.errors import StoreUnavailable

T = TypeVar("T")

_PAUSE_SECONDS = 1.0


async def through_outage(attempt: Callable[[], Awaitable[T]], *, patience: timedelta) -> T:
    """The first result of `attempt`, which must be safe to run twice; tried again each second while
    PostgreSQL is away. Raises StoreUnavailable when `patience` is at an end."""
    ends = time.monotonic() + patience.total_seconds()
    while True:
        try:
            return await attempt()
        except StoreUnavailable:
            if time.monotonic() >= ends:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
