"""A sender that costs next to nothing: requests go out of templates as bytes, answers are hardly read.

It is meant for a process of its own, since it would take a server's time in the same one. Every connection
has one request under way, and sends the next one when that is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import quantiles
from typing import Protocol, cast

import uvloop

_ANSWER_SECONDS = 30.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_HANGS_UP = b"onnection: close\r\n"


class Requests(Protocol):
    """Whole requests as bytes, by number; it goes to another process, so it has to be picklable."""

    def __call__(self, number: int, /) -> bytes: ...


Read = Callable[[bytes], int | None]
"""Gives the status of an answer that is complete, else None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """`first`: the number of the first request. `seconds`: after that no request is begun."""

    port: int
    requests: Requests
    connections: int
    seconds: float
    first: int = 0
    read: Read


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """`seconds` until the last answer; `p50` and `p99` in milliseconds, of all answers."""

    seconds: float
    statuses: Mapping[int, int]
    p50: float
    p99: float

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())


def http_status(answer: bytes) -> int | None:
    """Of an answer that says its length."""
    head_end = answer.find(_HEAD_END)
    if head_end < 0:
        return None
    head = answer[:head_end].lower()
    _, found, rest = head.partition(_LENGTH)
    length = int(rest.split(b"\r\n", 1)[0]) if found else 0
    return int(head[9:12]) if len(answer) >= head_end + len(_HEAD_END) + length else None


def redis_status(answer: bytes) -> int | None:
    """200 for a number, which is what LPUSH answers, else 500."""
    if not answer.endswith(b"\r\n"):
        return None
    return 200 if answer.startswith(b":") else 500


def sender_process() -> ProcessPoolExecutor:
    """For `submit(send, load)`; its imports are done once."""
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))


def send(load: Load) -> Sent:
    """Raises ConnectionError where the server hangs up, and TimeoutError where it does not answer."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Run(load).measured())


class _Run:
    """One load: what all of its connections share."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._next = load.first
        self._ends = 0.0
        self._milliseconds: list[float] = []
        self._statuses: Counter[int] = Counter()

    async def measured(self) -> Sent:
        loop = asyncio.get_running_loop()
        pairs = [
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.load.port)
            for _ in range(self.load.connections)
        ]
        started = time.perf_counter()
        self._ends = started + self.load.seconds
        try:
            async with asyncio.timeout(self.load.seconds + _ANSWER_SECONDS):
                for _, connection in pairs:
                    connection.go_on()
                await asyncio.gather(*(connection.is_done for _, connection in pairs))
            seconds = time.perf_counter() - started
        finally:
            for _, connection in pairs:
                connection.abort()
            # A transport is closed in the loop's next turn.
            await asyncio.sleep(0)
        # Of fewer than two there are no quantiles.
        cuts = quantiles(self._milliseconds * 2, n=100)
        return Sent(seconds=seconds, statuses=dict(self._statuses), p50=cuts[49], p99=cuts[98])

    def next_request(self) -> bytes:
        """Empty: it is over."""
        if time.perf_counter() >= self._ends:
            return b""
        number, self._next = self._next, self._next + 1
        return self.load.requests(number)

    def note(self, status: int, seconds: float) -> None:
        self._statuses[status] += 1
        self._milliseconds.append(seconds * 1_000)


class _Connection(asyncio.Protocol):
    """Opened anew where the server says that it hangs up after an answer."""

    def __init__(self, run: _Run) -> None:
        self._loop = asyncio.get_running_loop()
        self.is_done = self._loop.create_future()
        self._run = run
        self._answer = b""
        self._sent_at = 0.0
        self._opening: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one by its methods only.
        self._transport = cast("asyncio.Transport", transport)
        if self._opening is not None:
            self._opening = None
            self.go_on()

    def go_on(self) -> None:
        request = self._run.next_request()
        if not request:
            self.is_done.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        status = self._run.load.read(self._answer)
        if status is None:
            return
        hangs_up = _HANGS_UP in self._answer
        self._answer = b""
        self._run.note(status, time.perf_counter() - self._sent_at)
        if hangs_up:
            self._opening = self._loop.create_task(self._open())
        else:
            self.go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._opening is None:
            self._fail(exc)

    def abort(self) -> None:
        self._transport.abort()

    async def _open(self) -> None:
        self._transport.close()
        # The old connection's end is noticed in the loop's next turn.
        await asyncio.sleep(0)
        try:
            await self._loop.create_connection(lambda: self, "127.0.0.1", self._run.load.port)
        except OSError as exc:
            self._fail(exc)

    def _fail(self, exc: Exception | None) -> None:
        if not self.is_done.done():
            self.is_done.set_exception(ConnectionError(f"the server hung up: {exc}"))
