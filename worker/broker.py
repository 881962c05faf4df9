"""kombu's Redis transport, mended where losing Redis ended the worker for good, or for long.

When the connection goes while a message is unacknowledged, kombu 5.7 asks a channel that is closed
already for a Redis client: to put messages back, and later to acknowledge them. That raises
AttributeError, which Celery takes for a bug and exits. Raised as a connection error, it is one more
sign that Redis is away, and the worker connects again.

A Redis that is full (`noeviction`) refuses to note a message as unacknowledged, and Celery exits at
that as well. Full is a way of being away: the message is sent again by the sweeper.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu
from celery.app.amqp import AMQP
from kombu.transport import TRANSPORT_ALIASES, redis
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

_PAUSE_SECONDS = 1.0
"""Celery connects again at once, and a full Redis refuses at once: for hours, perhaps."""
_AGAIN = {"interval_start": 1, "interval_step": 1, "interval_max": 2}
"""Seconds between attempts to connect. Celery's grow to 30, which is how long a worker would be idle after
Redis is back."""


@contextmanager
def _full_is_away() -> Iterator[None]:
    try:
        yield
    except OutOfMemoryError as exc:
        time.sleep(_PAUSE_SECONDS)
        raise RedisConnectionError("Redis has no memory left") from exc


class _Pipeline(Pipeline):
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        with _full_is_away():
            return super().execute(raise_on_error)


class _Client(Redis):
    def execute_command(self, *args: Any, **options: Any) -> Any:
        with _full_is_away():
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> _Pipeline:
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if getattr(self.connection, "client", None) is None:
            raise RedisConnectionError("the channel is closed")
        found: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return found

    def _get_client(self) -> type[_Client]:
        return _Client


class Transport(redis.Transport):
    Channel = Channel


class Connection(kombu.Connection):
    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super().ensure_connection(*args, **(_AGAIN | options))


class Amqp(AMQP):
    """For `Celery(amqp=…)`: its connections are ours."""

    Connection = Connection


def install() -> None:
    """From now on, redis:// and rediss:// mean this transport in this process."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{Transport.__module__}:{Transport.__qualname__}"
