"""The one way to Redis for those who send and count: bounded in time, and with a password that may change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from core import deadline
from core.domain.secret import RotatingSecret
from core.errors import QueueUnavailable, SecretUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

_REST_SECONDS = 1.0
"""After a failure, what can do without Redis does so for this long: one that accepts connections and never
answers would otherwise cost every request the whole time-out."""


class _Password(CredentialProvider):
    """The secret's, as of when a connection is opened."""

    def __init__(self, secret: RotatingSecret) -> None:
        self._secret = secret

    def get_credentials(self) -> tuple[str]:
        return (self._secret.read().get("password", ""),)

    async def get_credentials_async(self) -> tuple[str]:
        return await asyncio.to_thread(self.get_credentials)


class RedisConnection:
    """One connection pool a process, opened when first used."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        secret: RotatingSecret | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`secret` has the `password` that `url` then lacks."""
        self._secret = secret
        self.redis = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            socket_keepalive=True,
            credential_provider=_Password(secret) if secret else None,
            # Each would cost every new connection a round trip: to say which client this is, for which the
            # first one also searches the metadata of packages, and to ask for notices of maintenance, which
            # only Redis Enterprise gives.
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
            # One more try at once: a pooled connection may date from before Redis restarted.
            retry=Retry(NoBackoff(), 1),
        )
        self._timeout = timeout
        self._clock = clock
        self._resting_until = 0.0

    async def ask_unless_resting(self, command: Callable[[], Awaitable[T]]) -> T:
        """As `ask`, but raises at once for a second after a time-out or refusal here."""
        if self._clock() < self._resting_until:
            raise QueueUnavailable("Redis did not answer a moment ago")
        try:
            return await self.ask(command)
        except QueueUnavailable:
            self._resting_until = self._clock() + _REST_SECONDS
            raise

    async def ask(self, command: Callable[[], Awaitable[T]]) -> T:
        """Run `command` within the time-out, and once more if the password was changed meanwhile.

        A deadline that the caller is under bounds all of it. Raises QueueUnavailable.
        """
        try:
            async with asyncio.timeout(deadline.left()):
                return await self._with_password(command)
        except SecretUnavailable as exc:
            # Its text names the account and the role, and /readyz shows this one to anybody.
            logger.warning("no password for Redis", extra={"cause": str(exc)})
            raise QueueUnavailable("no password for Redis") from exc
        except (RedisError, OSError, TimeoutError) as exc:
            raise QueueUnavailable(f"Redis does not answer: {type(exc).__name__}") from exc

    async def _with_password(self, command: Callable[[], Awaitable[T]]) -> T:
        # Reading it is not within the time-out, which is for Redis.
        password = await asyncio.to_thread(self._secret.read) if self._secret else {}
        try:
            return await self._in_time(command)
        except AuthenticationError:
            if self._secret is None or not await asyncio.to_thread(self._secret.read_again, password):
                raise
        return await self._in_time(command)

    async def _in_time(self, command: Callable[[], Awaitable[T]]) -> T:
        async with asyncio.timeout(self._timeout):
            try:
                return await command()
            except RuntimeError:
                # uvloop's word for a connection that was reset while it lay in the pool. redis-py does not
                # count that as one, and would hand the dead connection out again and again.
                await self.redis.connection_pool.disconnect(inuse_connections=False)
                return await command()

    async def aclose(self) -> None:
        await self.redis.aclose()
