"""The one way to a connection.

Connections are opened when first needed (a cold Lambda pays for one, and only if the request needs
it) and kept. Nothing outside `core.store` sees a psycopg exception: what cannot be reached, or takes no
work for now (read-only, full, too many connections), becomes StoreUnavailable.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from typing import TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from core import deadline
from core.domain.secret import RotatingSecret
from core.errors import StoreUnavailable
from core.store.login import connecting_with

logger = logging.getLogger(__name__)

T = TypeVar("T")

Connection: TypeAlias = AsyncConnection[TupleRow]
Cursor: TypeAlias = AsyncCursor[TupleRow]
Work: TypeAlias = Callable[[Connection], Awaitable[T]]

APPLICATION_NAME = "rootnote"
"""By which PostgreSQL knows our sessions."""

_RACE = (errors.DeadlockDetected, errors.SerializationFailure)
_ELSEWHERE = (errors.ReadOnlySqlTransaction,)
"""After a failover the old primary lives on as a standby. Only a new connection finds its successor."""
_ENDED = (errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout)
"""The server's own limits, which psycopg does not count as operational."""
_RETRIES = 2
_RECONNECT_SECONDS = 5.0
"""Short, so that after an outage the pool tries anew every few seconds, not at ever longer waits."""

WORK_SECONDS = 10.0
_CANCEL_SECONDS = 1.0
"""What work is given to end by, after psycopg has asked the server to cancel it. psycopg itself would wait
10 s for a server that is silent, and API Gateway for nobody longer than 29 s."""
_REST_SECONDS = 2.0
"""After a time-out, requests fail at once for this long: with PostgreSQL away, each would otherwise
wait for the whole time-out, and a load balancer's health check would see no answer at all."""
_SILENCE_SECONDS = 1.0
"""What was waited for less long, since its request's time was up, says nothing of PostgreSQL."""


class Database:
    """A lazy pool. All work given to it must be safe to run twice: after a lost connection or a
    deadlock it is run again, and a commit whose answer was lost may have happened."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int,
        timeout: float,
        work_seconds: float = WORK_SECONDS,
        secret: RotatingSecret | None = None,
    ) -> None:
        """`timeout` is for getting a connection, `work_seconds` for what is done with it; a deadline that
        the caller is under shortens both.

        `secret` has the `username` and `password` that `url` then lacks.
        """
        self._timeout = timeout
        self._work_seconds = work_seconds
        self._pool = AsyncConnectionPool(
            url,
            connection_class=connecting_with(secret) if secret else AsyncConnection,
            kwargs={
                "autocommit": True,
                "connect_timeout": max(2, int(timeout)),
                "application_name": APPLICATION_NAME,
                # A server that vanished without a word is noticed within 25 s.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                # Keepalives say nothing while something sent waits to be acknowledged.
                "tcp_user_timeout": 10_000,
            },
            min_size=0,
            max_size=pool_size,
            open=False,
            timeout=timeout,
            reconnect_timeout=_RECONNECT_SECONDS,
            name="rootnote",
        )
        self._resting_until = 0.0

    async def transaction(self, work: Work[T]) -> T:
        """Run `work` in one transaction, its statements sent without waiting for each other.

        Fetching inside `work` costs a round trip; cursors fetched after the call cost none more.
        Raises StoreUnavailable.
        """

        async def in_transaction(connection: Connection) -> T:
            # Not by `connection.transaction()`: in a pipeline it waits for the server three times more.
            try:
                async with connection.pipeline():
                    await connection.execute("BEGIN")
                    done = await work(connection)
                    await connection.execute("COMMIT")
            except BaseException:
                if not connection.closed:
                    await connection.rollback()
                raise
            return done

        return await self.autocommit(in_transaction)

    async def serial(self, work: Work[T]) -> T:
        """Run `work` in one transaction, each statement waited for, so that row counts are known."""

        async def in_transaction(connection: Connection) -> T:
            async with connection.transaction():
                return await work(connection)

        return await self.autocommit(in_transaction)

    async def autocommit(self, work: Work[T]) -> T:
        """Run `work` with each statement on its own: right for a single one. Raises StoreUnavailable."""
        for attempt in range(_RETRIES + 1):
            try:
                await self._open()
                return await self._on_a_connection(work)
            except _RACE as exc:
                if attempt == _RETRIES:
                    raise StoreUnavailable("the database is contended") from exc
            except (psycopg.OperationalError, psycopg.InterfaceError, *_ELSEWHERE, *_ENDED) as exc:
                if attempt == _RETRIES:
                    raise _unavailable(exc) from exc
                # A restart of the server leaves dead connections in the pool: weed them out first.
                with suppress(TimeoutError):
                    await self._bounded(self._pool.check())
        raise AssertionError("unreachable")

    async def _on_a_connection(self, work: Work[T]) -> T:
        patience = deadline.limit(self._timeout)
        try:
            async with self._pool.connection(timeout=patience) as connection:
                patience = deadline.limit(self._work_seconds)
                try:
                    return await self._bounded(work(connection))
                except _ELSEWHERE:
                    await connection.close()
                    raise
        except PoolTimeout as exc:
            self._rest_after(patience)
            raise StoreUnavailable("no database connection in time") from exc
        except TimeoutError as exc:
            self._rest_after(patience)
            raise StoreUnavailable("the database does not answer") from exc

    async def _bounded(self, work: Awaitable[T]) -> T:
        seconds = deadline.limit(self._work_seconds)
        async with asyncio.timeout(seconds + _CANCEL_SECONDS), asyncio.timeout(seconds):
            return await work

    def _rest_after(self, patience: float) -> None:
        if patience >= _SILENCE_SECONDS:
            self._resting_until = time.monotonic() + _REST_SECONDS

    async def _open(self) -> None:
        if time.monotonic() < self._resting_until:
            raise StoreUnavailable("no database connection a moment ago")
        if self._pool.closed:
            # In a context of its own: the pool's tasks live on, and would log under this request's id.
            await asyncio.create_task(self._pool.open(), context=Context())

    async def aclose(self) -> None:
        await self._pool.close()


def _unavailable(exc: psycopg.Error) -> StoreUnavailable:
    """The log has the server's own reason; who asked is told less, since that may name files and roles."""
    if exc.sqlstate is None:
        return StoreUnavailable("the database connection was lost")
    # The primary message only: details may show a row's values.
    logger.warning(
        "PostgreSQL refuses work", extra={"sqlstate": exc.sqlstate, "cause": exc.diag.message_primary}
    )
    if isinstance(exc, _ELSEWHERE):
        return StoreUnavailable("the database is read-only for now")
    return StoreUnavailable("the database takes no work for now")
