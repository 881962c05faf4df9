"""Notices that this worker takes no messages though some wait, and mends it.

A consumer can fall silent without an error: Celery or kombu lost count of what it holds, or left a queue
out when it connected again, or its main thread hangs. The process is alive, so no health check ends
it, and /readyz turns red only once all workers are silent. (A half-open connection is found by kombu
itself, since 5.7.) So a thread of the worker's parent looks at the queues over a connection of its
own. Where messages wait at each of several looks in a row while the pool has room and nothing was taken,
the consumer first connects again, as after an error; if that does not help, the worker leaves as on SIGTERM,
and whoever runs it starts another.

What is counted is looks and not seconds, so that a process that was stopped or starved for a while
is not taken for a silent one when it goes on.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from celery.worker import state
from celery.worker.consumer import Consumer
from redis import Redis
from redis.exceptions import RedisError

from core import metrics

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
RECONNECT_LOOKS = 5
"""A consumer that is well takes a message within milliseconds of having room."""
LEAVE_LOOKS = 20
"""In all. Connecting again takes a few seconds, where Redis is slow ten."""
BUSY_LOOKS = 180
"""With a full pool, under a rate limit, or while the consumer connects: longer than a job's hard time
limit, after which there must be room again."""

_CALL_SECONDS = 1.0
EXIT_CODE = 70
"""The sysexits' word for an internal error."""


class Step(StrEnum):
    RECONNECT = "reconnect"
    LEAVE = "leave"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """`waiting`: messages in the worker's queues; None where Redis does not answer. `taken`: messages taken
    since the worker's start. `has_room`: the consumer is connected, and the pool could work more and may."""

    waiting: int | None
    taken: int
    has_room: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """Looks in a row that saw messages wait and nothing taken, with room for them and without."""

    taken: int = 0
    with_room: int = 0
    without: int = 0


def after(silence: Silence, look: Look) -> tuple[Silence, Step | None]:
    """The silence once this was seen, and what is to be done about it."""
    if not look.waiting or look.taken != silence.taken:
        return Silence(taken=look.taken), None
    if look.has_room:
        silence = replace(silence, with_room=silence.with_room + 1)
    else:
        silence = replace(silence, without=silence.without + 1)
    if silence.with_room >= LEAVE_LOOKS or silence.without >= BUSY_LOOKS:
        return silence, Step.LEAVE
    if look.has_room and silence.with_room == RECONNECT_LOOKS:
        return silence, Step.RECONNECT
    return silence, None


class Watchdog:
    """Looks every `seconds` in a thread, until it is stopped or made the worker leave."""

    def __init__(
        self,
        look: Callable[[], Look],
        *,
        reconnect: Callable[[], None],
        leave: Callable[[], None],
        seconds: float = LOOK_SECONDS,
    ) -> None:
        self._look, self._reconnect, self._leave, self._seconds = look, reconnect, leave, seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Does not wait: it is called by a signal's handler."""
        self._stopping.set()

    def _run(self) -> None:
        silence = Silence()
        while not self._stopping.wait(self._seconds):
            silence, step = after(silence, self._look())
            if step is not None:
                metrics.WORKER_SILENCES.labels(step).inc()
            if step is Step.RECONNECT:
                logger.error("messages wait and none is taken; the consumer connects again")
                self._reconnect()
            elif step is Step.LEAVE:
                logger.critical("messages wait and none is taken; the worker leaves, to be started again")
                self._leave()
                return


def watch(consumer: Consumer, *, redis_url: str, leave_within: float) -> Watchdog:
    """Watch this worker from now on, and make it `leave` within so many seconds if nothing else helps."""
    for step in Step:
        # Shown as 0 from the start: a counter that first appears as 1 has no increase.
        metrics.WORKER_SILENCES.labels(step)
    watchdog = Watchdog(
        lambda: look_at(consumer, redis_url),
        reconnect=lambda: _connect_again(consumer),
        leave=lambda: leave(leave_within),
    )
    watchdog.start()
    return watchdog


def leave(within: float) -> None:
    """SIGTERM to this process. Where the main thread hangs and does not hear it, the process ends after
    `within` seconds; its jobs are then found by their leases."""
    timer = threading.Timer(within, os._exit, (EXIT_CODE,))
    timer.daemon = True
    timer.start()
    os.kill(os.getpid(), signal.SIGTERM)


def look_at(consumer: Consumer, redis_url: str) -> Look:
    return Look(
        waiting=_waiting(redis_url, list(consumer.app.amqp.queues.consume_from)),
        taken=state.all_total_count[0],
        has_room=getattr(consumer, "task_consumer", None) is not None
        and len(state.active_requests) < consumer.max_prefetch_count
        and not _is_held_back(consumer),
    )


def _is_held_back(consumer: Consumer) -> bool:
    """By `celery control rate_limit`, which a worker that is started anew would not know of."""
    buckets = getattr(consumer, "task_buckets", {}).values()
    return any(bucket is not None and bucket.contents for bucket in buckets)


def _waiting(redis_url: str, queues: Sequence[str]) -> int | None:
    """By a connection of its own, closed again: the pool's processes are forked from this one."""
    try:
        with Redis.from_url(
            redis_url, socket_timeout=_CALL_SECONDS, socket_connect_timeout=_CALL_SECONDS
        ) as redis:
            return sum(int(redis.llen(queue)) for queue in queues)
    except RedisError:
        return None


def _connect_again(consumer: Consumer) -> None:
    """What an error of the connection does, raised where it would be: in the event loop."""

    def fail() -> None:
        raise ConnectionResetError("the watchdog found the consumer silent")

    consumer.call_soon(fail)
