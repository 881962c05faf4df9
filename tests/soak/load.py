"""Events over real HTTP: as fast as they are taken, or at a steady rate."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx2

CONNECTIONS = 8
PROJECTS = 5
KNOWN_GROUPS = 50
LATEST_SECONDS = 20.0
_TIMEOUT_SECONDS = 30.0
_ACCEPTED = 202
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

STACK = """Traceback (most recent call last):
  File "/srv/shop/checkout/views.py", line 41, in pay
    total = price_of(cart)
  File "/srv/shop/checkout/{word}.py", line 17, in {word}
    return sum(item["price"] for item in cart.items)
TypeError: 'NoneType' object is not iterable"""


def event(group: int) -> bytes:
    """The body of an error of this group; two of one group differ in what varies from request to request."""
    word = _word(group)
    body = {
        "project_key": f"shop-{group % PROJECTS}",
        "message": f"Checkout of cart {time.monotonic_ns()} failed in {word}",
        "method": "POST",
        "path": f"/checkout/{time.monotonic_ns() % 10_000}",
        "status_code": 500,
        "timestamp": "2026-11-20T12:00:00Z",
        "stack": STACK.format(word=word),
        "extra": {"cart": {"items": list(range(20))}, "user": f"u-{time.monotonic_ns() % 1_000}"},
    }
    return json.dumps(body).encode()


def _word(number: int) -> str:
    """Letters alone, since digits are taken out of a fingerprint."""
    letters = []
    for _ in range(5):
        number, rest = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[rest])
    return f"price_{''.join(letters)}"


@dataclass
class Answers:
    """Since the last look. `seconds` are of accepted events, from when each was due to be sent."""

    seconds: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


class Load:
    """`CONNECTIONS` senders. Enter it in a running event loop."""

    def __init__(self, url: str) -> None:
        limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._http = httpx2.AsyncClient(
            base_url=url, trust_env=False, timeout=_TIMEOUT_SECONDS, limits=limits
        )
        self._answers = Answers()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def take(self) -> Answers:
        answers, self._answers = self._answers, Answers()
        return answers

    async def each_group_once(self) -> None:
        for group in range(KNOWN_GROUPS):
            await self._send(event(group), due=time.monotonic())

    async def as_fast_as_taken(self, seconds: float) -> float:
        """Events a second that were accepted, of groups that are known."""
        began = time.monotonic()
        groups = itertools.cycle(range(KNOWN_GROUPS))

        async def sender() -> None:
            while (now := time.monotonic()) < began + seconds:
                await self._send(event(next(groups)), due=now)

        self.take()
        await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
        return len(self.take().seconds) / (time.monotonic() - began)

    async def steadily(self, rate: float, *, new_every: int, seconds: float) -> None:
        """`rate` a second, one in `new_every` of a new group. What is sent late has waited, and that is part
        of its answer's time. What is later than `LATEST_SECONDS` is not sent at all."""
        began = time.monotonic()
        schedule = self._schedule(new_every)

        async def sender() -> None:
            while True:
                number, group = next(schedule)
                due = began + number / rate
                if due >= began + seconds or time.monotonic() > due + LATEST_SECONDS:
                    return
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._send(event(group), due=due)

        await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))

    def _schedule(self, new_every: int) -> Iterator[tuple[int, int]]:
        """Numbers of events, and the group of each."""
        new = itertools.count(KNOWN_GROUPS)
        for number in itertools.count():
            yield number, number % KNOWN_GROUPS if number % new_every else next(new)

    async def _send(self, body: bytes, *, due: float) -> None:
        try:
            response = await self._http.post(
                "/api/v1/events", content=body, headers={"Content-Type": "application/json"}
            )
        except httpx2.HTTPError as exc:
            self._answers.refused[type(exc).__name__] += 1
            return
        if response.status_code == _ACCEPTED:
            self._answers.seconds.append(time.monotonic() - due)
        else:
            self._answers.refused[str(response.status_code)] += 1
