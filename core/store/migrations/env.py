"""`alembic upgrade head` against DATABASE_URL, or on a connection that is given; one migrator at a time."""

from __future__ import annotations

from alembic import context
from psycopg.errors import DeadlockDetected
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.aws.secrets import database_url
from core.errors import ConfigError, SecretUnavailable
from core.settings import load
from core.store.tables import metadata

_MIGRATION_LOCK = 7_236_412_905
"""Any number that nothing else in the database uses: two deploys at once then take turns."""
_ATTEMPTS = 5


def _online() -> None:
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    try:
        url = database_url(load())
    except (ConfigError, SecretUnavailable) as exc:
        raise SystemExit(f"rootnote: {exc}") from None
    engine = create_engine(url.replace("postgres://", "postgresql://", 1), poolclass=NullPool)
    with engine.connect() as connection:
        _migrate(connection)


def _migrate(connection: Connection) -> None:
    """All or nothing; again where PostgreSQL chose it to end a deadlock with those at work beside it."""
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            _migrate_once(connection)
        except DBAPIError as exc:
            if not attempts_left or not isinstance(exc.orig, DeadlockDetected):
                raise
        else:
            return


def _migrate_once(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=metadata, compare_type=True)
        context.run_migrations()


def _offline() -> None:
    context.configure(
        url="postgresql://",
        target_metadata=metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _offline()
else:
    _online()
