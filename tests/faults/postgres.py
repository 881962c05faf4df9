"""PostgreSQL goes away, breaks off, refuses, falls silent, or waits for somebody's lock."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg

from tests.faults.fault import POOL, POSTGRES_SECONDS, Fault
from tests.faults.proxy import Cut
from tests.faults.scene import Scene

_AWAY_SECONDS = 8.0
_SILENT_SECONDS = 12.0
"""Longer than the 10 s that the API waits for a statement."""
_CUTS = 30
_CUT_SECONDS = 10.0
_TERMINATIONS = 10
_BETWEEN_SECONDS = 0.5
_HELD_SECONDS = 10.0
_MOST_CONNECTIONS = 200
_WRITABLE = "-c default_transaction_read_only=off"

_UNDER_WAY = "the calls under way in each process of the pool, whose answer could not be stored in time"


def _stop(scene: Scene) -> None:
    scene.postgres.stop()
    time.sleep(_AWAY_SECONDS)
    scene.postgres.start()


def _crash(scene: Scene) -> None:
    """An immediate shutdown ends every backend where it stands and leaves recovery to the next start."""
    scene.postgres.kill()
    _stop(scene)


def _cut_commits(scene: Scene, *, is_said_by_client: bool) -> None:
    """Every commit is cut off for a while: on its way there, or its answer on the way back."""
    marker = b"COMMIT" if is_said_by_client else b"COMMIT\0"
    cut = Cut(marker=marker, is_said_by_client=is_said_by_client, times=_CUTS)
    scene.to_postgres.cut = cut
    time.sleep(_CUT_SECONDS)
    scene.to_postgres.cut = None
    assert cut.done, "no commit was cut off"


def _terminate(scene: Scene) -> None:
    with _directly(scene) as direct:
        for _ in range(_TERMINATIONS):
            _end_all_others(direct)
            time.sleep(_BETWEEN_SECONDS)


def _take_all_connections(scene: Scene) -> None:
    with contextlib.ExitStack() as taken:
        _end_all_others(taken.enter_context(_directly(scene)))
        for _ in range(_MOST_CONNECTIONS):
            try:
                taken.enter_context(psycopg.connect(scene.postgres.url))
            except psycopg.OperationalError:
                break
        time.sleep(_HELD_SECONDS)


def _forbid_writing(scene: Scene) -> None:
    """As after a failover that leaves the programs with the old primary: every session is read-only, and
    stays so until it is closed."""
    with _directly(scene) as direct:
        direct.execute("ALTER DATABASE rootnote SET default_transaction_read_only = on")
        try:
            _end_all_others(direct)
            time.sleep(_HELD_SECONDS)
        finally:
            direct.execute("ALTER DATABASE rootnote RESET default_transaction_read_only")


def _freeze(scene: Scene) -> None:
    server = psutil.Process(scene.postgres.pid)
    # The parent first, so that no process is added while the others are told.
    frozen = [server]
    server.send_signal(signal.SIGSTOP)
    for child in server.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.send_signal(signal.SIGSTOP)
            frozen.append(child)
    try:
        time.sleep(_SILENT_SECONDS)
    finally:
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def _swallow(scene: Scene) -> None:
    scene.to_postgres.swallow()
    time.sleep(_SILENT_SECONDS)
    scene.to_postgres.reset()
    scene.to_postgres.pass_on()


def _lock(scene: Scene) -> None:
    with _directly(scene) as direct, direct.transaction():
        direct.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        time.sleep(_HELD_SECONDS)


@contextlib.contextmanager
def _directly(scene: Scene) -> Iterator[psycopg.Connection]:
    """Past the proxy, and able to write whatever the database's default is."""
    with psycopg.connect(scene.postgres.url, autocommit=True, options=_WRITABLE) as connection:
        yield connection


def _end_all_others(connection: psycopg.Connection) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


FAULTS = (
    Fault(
        name="postgres-stopped",
        does=f"PostgreSQL is stopped for {_AWAY_SECONDS:.0f} s",
        strike=_stop,
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="postgres-crashed",
        does=f"PostgreSQL crashes (immediate shutdown) and is away for {_AWAY_SECONDS:.0f} s",
        strike=_crash,
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="commits-cut",
        does=f"connections are reset in place of passing COMMIT on, {_CUTS} times",
        strike=lambda scene: _cut_commits(scene, is_said_by_client=True),
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="commits-unheard",
        does="COMMIT is done and the connection reset before its answer comes back, for "
        f"{_CUT_SECONDS:.0f} s or {_CUTS} times",
        strike=lambda scene: _cut_commits(scene, is_said_by_client=False),
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="backends-terminated",
        does=f"all connections are ended by pg_terminate_backend, {_TERMINATIONS} times in "
        f"{_TERMINATIONS * _BETWEEN_SECONDS:.0f} s",
        strike=_terminate,
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="connections-taken",
        does=f"another client takes every connection for {_HELD_SECONDS:.0f} s",
        strike=_take_all_connections,
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="postgres-read-only",
        does=f"PostgreSQL refuses to write for {_HELD_SECONDS:.0f} s, and open sessions for ever",
        strike=_forbid_writing,
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="postgres-frozen",
        does=f"PostgreSQL accepts connections and answers nothing for {_SILENT_SECONDS:.0f} s (SIGSTOP)",
        strike=_freeze,
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="postgres-swallowed",
        does=f"the network to PostgreSQL swallows everything for {_SILENT_SECONDS:.0f} s, then resets all",
        strike=_swallow,
        bound=POSTGRES_SECONDS,
        window=POOL,
        window_is=_UNDER_WAY,
    ),
    Fault(
        name="jobs-locked",
        does=f"somebody holds ACCESS EXCLUSIVE on the table jobs for {_HELD_SECONDS:.0f} s",
        strike=_lock,
        bound=POSTGRES_SECONDS,
    ),
)
