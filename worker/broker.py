"""kombu's Redis transport, mended where losing Redis ended the worker for good.

When the connection goes while a message is unacknowledged, kombu 5.7 asks a channel that is closed
already for a Redis client: to put messages back, and later to acknowledge them. That raises
AttributeError, which Celery takes for a bug and exits. Raised as a connection error, it is one more
sign that Redis is away, and the worker connects again.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisConnectionError


class Channel(redis.Channel):
    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if getattr(self.connection, "client", None) is None:
            raise RedisConnectionError("the channel is closed")
        found: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return found


class Transport(redis.Transport):
    Channel = Channel


def install() -> None:
    """From now on, redis:// and rediss:// mean this transport in this process."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{Transport.__module__}:{Transport.__qualname__}"
