"""Bringing a database to this code's schema, within a time limit and with errors that hold no secret.

Loads alembic, so nothing that must start fast may import it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from core.errors import ConfigError, MigrationFailed, StoreUnavailable

logger = logging.getLogger(__name__)

_ALEMBIC_INI = Path(__file__).resolve().parents[2] / "alembic.ini"
_PAUSE_SECONDS = 1.0
_CONNECT_SECONDS = 5
_IDLE_SECONDS = 60
"""A migrator that vanished in the middle of its transaction must not keep its locks for hours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """`is_newer`: than this code knows, so it was left as it was."""

    revision: str
    is_newer: bool = False


def upgrade(url: Callable[[], str], *, until: float, patience: float) -> Schema:
    """`alembic upgrade head`, all in one transaction; two at once take turns.

    What is not done by `until` (of time.monotonic) is cancelled and rolled back. For a database that does
    not answer yet it waits for `patience` seconds at most, asking for the URL anew each time, since a
    password may have been changed meanwhile.

    A database that newer code has migrated is left alone: a deployment that is rolled back runs the old
    code's migrations again, and every version of the code works on the next one's schema.

    Raises ConfigError, StoreUnavailable, MigrationFailed, and what `url` raises.
    """
    with _connect(url, until=until, patience=patience) as connection:
        try:
            with _cancelled_at(until, connection) as cancelled:
                return _upgrade(connection)
        except DBAPIError as exc:
            if cancelled.is_set():
                raise MigrationFailed("no time was left; it was stopped, and nothing is changed") from exc
            # Without its cause, whose text quotes rows: this is logged with its traceback.
            raise MigrationFailed(_first_line(exc)) from None


def _upgrade(connection: Connection) -> Schema:
    config = Config(str(_ALEMBIC_INI))
    config.attributes["connection"] = connection
    head = ScriptDirectory.from_config(config).get_current_head() or ""
    try:
        command.upgrade(config, "head")
    except CommandError as exc:
        found = MigrationContext.configure(connection).get_current_revision() or ""
        if not _is_newer(found, head):
            raise MigrationFailed(f"the database is at {found or 'no revision'}: {exc}") from exc
        logger.warning("the schema is newer than this code", extra={"revision": found, "head": head})
        return Schema(revision=found, is_newer=True)
    return Schema(revision=head)


def _is_newer(found: str, head: str) -> bool:
    """Revisions are numbers that ascend; another branch's, if no greater, is a mistake and not the future."""
    return found.isdecimal() and head.isdecimal() and int(found) > int(head)


def _connect(url: Callable[[], str], *, until: float, patience: float) -> Connection:
    give_up = min(until, time.monotonic() + patience)
    while True:
        try:
            return _engine(url(), seconds=max(0.0, until - time.monotonic())).connect()
        except DBAPIError as exc:
            cause = _first_line(exc)
            if not isinstance(exc, OperationalError) or time.monotonic() + _PAUSE_SECONDS >= give_up:
                raise StoreUnavailable(f"PostgreSQL cannot be reached: {cause}") from exc
            logger.info("PostgreSQL does not answer yet", extra={"cause": cause})
        time.sleep(_PAUSE_SECONDS)


def _engine(url: str, *, seconds: float) -> Engine:
    try:
        return create_engine(
            url.replace("postgres://", "postgresql://", 1),
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={
                "application_name": "rootnote-migrate",
                "connect_timeout": _CONNECT_SECONDS,
                # A server that vanished without a word is noticed within 25 s.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 25_000,
                # For a migrator that is gone; one that lives cancels before.
                "options": f"-c statement_timeout={int(seconds) + _CONNECT_SECONDS}s"
                f" -c idle_in_transaction_session_timeout={_IDLE_SECONDS}s",
            },
        )
    except (ArgumentError, ValueError):
        # Their texts quote the URL.
        raise ConfigError("DATABASE_URL: not a PostgreSQL URL") from None


@contextmanager
def _cancelled_at(until: float, connection: Connection) -> Iterator[threading.Event]:
    """From `until` on, whatever `connection` runs or waits for is cancelled. The event says that it was."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("migrations run on psycopg")
    ended, cancelled = threading.Event(), threading.Event()

    def watch() -> None:
        wait = max(0.0, until - time.monotonic())
        while not ended.wait(wait):
            cancelled.set()
            try:
                driver.cancel_safe(timeout=_CONNECT_SECONDS)
            except psycopg.Error as exc:
                logger.warning("a cancellation failed", extra={"cause": type(exc).__name__})
            wait = _PAUSE_SECONDS

    watcher = threading.Thread(target=watch, name="rootnote-migrate-watch", daemon=True)
    watcher.start()
    try:
        yield cancelled
    finally:
        ended.set()
        watcher.join()


def _first_line(exc: DBAPIError) -> str:
    """The server's own words, without the lines that follow: those quote rows."""
    return str(exc.orig).strip().partition("\n")[0]
