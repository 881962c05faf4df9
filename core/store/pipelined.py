"""One transaction of prepared statements in one round trip, by the shortest way that psycopg has.

Its cursors take a turn of the event loop and a packet for each statement of a pipeline, and adapt each
value by itself. What is written for every event does without: parameters and values are in PostgreSQL's
text format.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TypeAlias
from weakref import WeakSet

from psycopg import errors, generators
from psycopg.abc import PQGen
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from core.store.database import Connection

Parameters: TypeAlias = Sequence[bytes | None]
Values: TypeAlias = list[tuple[bytes, ...]]
"""Rows; a null is empty."""


_PLANNED_ONCE = "set_config('plan_cache_mode', 'force_generic_plan', true)"
_BY_INDEX = "set_config('enable_seqscan', 'off', true)"
"""Planning anew takes longer than running. A plan that is kept must not read tables through because they
were short when it was made."""


class PreparedTransaction:
    """The same statements each time, prepared on a connection when it first runs them."""

    def __init__(self, *statements: str) -> None:
        """Their parameters are $1 and so on."""
        # Names are the connection's: others may prepare the same there.
        own = secrets.token_hex(4)
        self._statements = {
            f"{own}_{number}".encode(): statement.encode()
            for number, statement in enumerate((f"SELECT {_PLANNED_ONCE}, {_BY_INDEX}", *statements))
        }
        self._prepared: WeakSet[Connection] = WeakSet()

    async def run(self, connection: Connection, *parameters: Parameters) -> list[Values]:
        """What each statement gives. Raises what psycopg does, and nothing is written then."""
        if connection in self._prepared:
            try:
                return await self._exchange(connection, parameters, prepares=False)
            except errors.InvalidSqlStatementName:
                # After some errors psycopg has the server forget all that is prepared on a connection.
                self._prepared.discard(connection)
                await connection.rollback()
        try:
            values = await self._exchange(connection, parameters, prepares=True)
        except BaseException:
            # How far preparing came is not known, and a name cannot be given twice.
            await connection.close()
            raise
        self._prepared.add(connection)
        return values

    async def _exchange(
        self, connection: Connection, parameters: Sequence[Parameters], *, prepares: bool
    ) -> list[Values]:
        async with connection.lock:
            results = await connection.wait(self._messages(connection.pgconn, parameters, prepares=prepares))
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise errors.error_from_result(result)
        # The last ones are those of COMMIT and of the pipeline's end.
        return [_values(result) for result in results[-2 - len(parameters) : -2]]

    def _messages(
        self, pgconn: PGconn, parameters: Sequence[Parameters], *, prepares: bool
    ) -> PQGen[list[PGresult]]:
        new = self._statements if prepares else {}
        pgconn.enter_pipeline_mode()
        try:
            for name, statement in new.items():
                pgconn.send_prepare(name, statement)
            pgconn.send_query_params(b"BEGIN", None)
            for name, values in zip(self._statements, ((), *parameters), strict=True):
                pgconn.send_query_prepared(name, values)
            pgconn.send_query_params(b"COMMIT", None)
            pgconn.pipeline_sync()
            yield from generators.send(pgconn)
            results: list[PGresult] = []
            for _ in range(len(new) + len(self._statements) + 3):
                answer = yield from generators.fetch_many(pgconn)
                if not answer:
                    raise errors.OperationalError("the connection was lost")
                results += answer
        finally:
            if pgconn.status != ConnStatus.BAD:
                pgconn.exit_pipeline_mode()
        return results


def _values(result: PGresult) -> Values:
    columns = range(result.nfields)
    return [
        tuple(result.get_value(row, column) or b"" for column in columns) for row in range(result.ntuples)
    ]
