"""Answers by rules, where no model gives one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from worker.providers.base import Answer, CallRecord, Usage

T = TypeVar("T")


async def ask_offline(model: str, work: Callable[[], T], calls: tuple[CallRecord, ...]) -> Answer[T]:
    """The answer of `work`, with a ledger row that costs nothing after `calls`, which failed."""
    started = time.perf_counter()
    # In a thread, since it is pure computation and the lease must go on being renewed.
    value = await asyncio.to_thread(work)
    call = CallRecord(
        provider="heuristic",
        model=model,
        usage=Usage(),
        cost_usd=0.0,
        latency_ms=round((time.perf_counter() - started) * 1_000),
        outcome="ok",
    )
    return Answer(value=value, provider=call.provider, model=call.model, calls=(*calls, call))
