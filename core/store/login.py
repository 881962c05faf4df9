"""Connections whose user and password may change while the process runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from core.domain.secret import RotatingSecret


def connecting_with(secret: RotatingSecret) -> type[AsyncConnection[TupleRow]]:
    """A connection class that signs in with `secret`, and when refused reads it once more."""

    def signed(conninfo: str, fields: Mapping[str, str]) -> str:
        return make_conninfo(conninfo, user=fields.get("username"), password=fields.get("password"))

    class SignedConnection(AsyncConnection[TupleRow]):
        @classmethod
        async def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
            fields = await asyncio.to_thread(secret.read)
            try:
                return await super().connect(signed(conninfo, fields), **kwargs)
            except psycopg.OperationalError as exc:
                # libpq tells no SQLSTATE here, but whether the server came to ask for the password.
                asked = exc.pgconn is not None and exc.pgconn.used_password
                if not asked or not await asyncio.to_thread(secret.read_again, fields):
                    raise
            fields = await asyncio.to_thread(secret.read)
            return await super().connect(signed(conninfo, fields), **kwargs)

    return SignedConnection
