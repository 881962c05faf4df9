"""How many events may come in: a bucket of tokens that all processes share, and what one of them holds of it.

A process takes tokens from the shared bucket in chunks and spends them by itself, so that most events ask
nobody. What it does not spend within HOLD_SECONDS is lost, never kept: in any stretch of `t` seconds all
processes together let in at most `rate * (t + HOLD_SECONDS) + capacity` events, and a bucket's capacity is
made that much smaller than the burst that is promised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HOLD_SECONDS = 1.0
PROBE_SECONDS = 0.1
"""A bucket that was found empty is asked again no sooner, however fast it fills."""
_LARGEST_CHUNK = 50
"""One part in so many of the capacity: what others may find missing while it lies unspent here."""

_ROUNDING = 1e-6
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600}


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """A bucket that fills by `rate` tokens a second up to `capacity`; an event takes one."""

    rate: float
    capacity: int


def parse_rate(text: str) -> float:
    """Events a second, from `200/second`, `60/minute` or `1000/hour`, as the settings hold it."""
    count, _, unit = text.partition("/")
    return int(count) / _SECONDS[unit]


def quota_of(rate: float, *, burst_seconds: float, batch: int) -> Quota:
    """A batch of `batch` events fits a full bucket, however low the rate."""
    return Quota(rate=rate, capacity=max(batch, math.floor(rate * (burst_seconds - HOLD_SECONDS))))


def in_words(rate: float) -> str:
    """`200 events a second`, or by the minute or hour where that is a whole number."""
    for unit, seconds in (("second", 1), ("minute", 60)):
        if abs(rate * seconds - round(rate * seconds)) < _ROUNDING:
            return f"{rate * seconds:,.0f} events a {unit}"
    return f"{rate * 3_600:,.0f} events an hour"


class Purse:
    """What one process holds of one bucket, and what it knows of the rest. Times are of one monotonic clock.

    Asking goes: `spend`; if that fails, `wait`; if that is 0, take `wanted` from the bucket, then say how
    it went by `received` or `found`. Nothing else may happen to the purse in between.
    """

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self._balance = 0
        self._expires_at = -math.inf
        self._chunk = 0
        """Tokens taken at once when last asked: with the balance, how fast they are spent."""
        self._left = math.inf
        self._seen_at = 0.0
        """The bucket had `left` tokens then, so it has no more now than came since."""
        self._ask_again_at = -math.inf

    def spend(self, cost: int, now: float) -> bool:
        """Pay from what is held."""
        if self._held(now) < cost:
            return False
        self._balance -= cost
        return True

    def wait(self, cost: int, now: float) -> float:
        """Seconds in which `cost` is sure to be refused: nobody needs to be asked. 0: it may be there."""
        missing = cost - self._held(now)
        if missing <= max(0.0, self._left):
            return 0.0
        fills = (missing - self._left) / self.quota.rate - (now - self._seen_at)
        return max(0.0, fills, self._ask_again_at - now)

    def wanted(self, cost: int, now: float) -> int:
        """Tokens to take: what `cost` lacks, or as many as are spent while they may be held."""
        return min(self.quota.capacity, max(self.needed(cost, now), self._next_chunk(now)))

    def needed(self, cost: int, now: float) -> int:
        return cost - self._held(now)

    def received(self, tokens: int, cost: int, *, asked_at: float) -> None:
        """`tokens` were given, of which `cost` is paid at once."""
        self._balance = self._held(asked_at) + tokens - cost
        self._expires_at = asked_at + HOLD_SECONDS
        self._chunk = tokens
        self._left = math.inf

    def found(self, left: float, *, asked_at: float) -> None:
        """The bucket holds only `left` tokens; below 0 where it owes some."""
        self._left, self._seen_at = left, asked_at
        self._ask_again_at = asked_at + PROBE_SECONDS

    def _held(self, now: float) -> int:
        return self._balance if now < self._expires_at else 0

    def _next_chunk(self, now: float) -> int:
        is_spent_in_time = now < self._expires_at
        size = 2 * self._chunk if is_spent_in_time else self._chunk - self._balance
        return max(1, min(size, self.quota.capacity // _LARGEST_CHUNK))
