"""What is checked before anything starts, so that what is wrong is one line and not a traceback."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infra.local import process
from infra.local.errors import LocalError

FIRST_START_MB = 500
LATER_START_MB = 100
CONNECT_SECONDS = 5
# A runner that was killed has its processes ended by another, which takes a moment.
CLEAN_UP_SECONDS = 20.0


def check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the line that says so, for an old one
        raise LocalError(f"rootnote needs Python 3.11 or newer, not {sys.version.split()[0]}")


def check_port(port: int) -> None:
    if process.port_is_taken(port):
        raise LocalError(
            f"port {port} is taken by another program; try PORT={min(port + 1, 65535)} make run"
            if port > 1023 or os.geteuid() == 0
            else f"port {port} is taken or only root may use it; try PORT=8000 make run"
        )


def prepare_folder(local: Path) -> None:
    """Make `.local/` and see that there is room in it."""
    try:
        local.mkdir(parents=True, exist_ok=True)
        (local / "log").mkdir(exist_ok=True)
    except PermissionError:
        raise LocalError(process.not_ours(local)) from None
    except OSError as error:
        raise LocalError(f"cannot create {local}: {error.strerror}") from None
    if not os.access(local, os.W_OK | os.X_OK) or not os.access(local / "log", os.W_OK | os.X_OK):
        raise LocalError(process.not_ours(local))
    needed = LATER_START_MB if (local / "postgres").exists() else FIRST_START_MB
    free = shutil.disk_usage(local).free // 1_000_000
    if free < needed:
        raise LocalError(f"no space for {local}: {free} MB are free, {needed} MB are needed")


@contextlib.contextmanager
def one_run(local: Path) -> Iterator[None]:
    """Hold the checkout until the last process of this run is gone, even when this one is killed."""
    path = local / "run.lock"
    other = _pid_in(path)
    patience = 0.0 if other and _is_alive(other) else CLEAN_UP_SECONDS
    named = f" (pid {other})" if other else ""
    busy = f"another `make run`{named} is running in this checkout; stop it first"
    with process.locked(path, busy=busy, patience=patience) as file:
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        process.UNDERTAKER.start(keep_open=[file.fileno()])
        yield


def check_database(url: str) -> None:
    """LocalError where nothing answers; the message never holds the password."""
    import psycopg  # noqa: PLC0415 - only where a database is given

    try:
        with psycopg.connect(url.replace("+psycopg://", "://", 1), connect_timeout=CONNECT_SECONDS):
            pass
    except psycopg.OperationalError as error:
        raise LocalError(f"DATABASE_URL: cannot connect to {_safe(url, error)}") from None
    except psycopg.Error:
        # Its message quotes the URL.
        raise LocalError("DATABASE_URL is not a PostgreSQL URL: postgresql://USER@HOST:PORT/NAME") from None


def check_redis(url: str) -> None:
    import redis  # noqa: PLC0415 - only where one is given

    timeouts = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": CONNECT_SECONDS}
    try:
        with redis.Redis.from_url(url, **timeouts) as client:
            client.ping()
    except redis.RedisError as error:
        raise LocalError(f"REDIS_URL: cannot connect to {_safe(url, error)}") from None
    except ValueError:
        raise LocalError("REDIS_URL is not a Redis URL: redis://HOST:PORT/0") from None


def _safe(url: str, error: Exception) -> str:
    """`HOST:PORT: the reason`, with neither the password nor line breaks."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2] or "the default host"
    reason = re.sub(r"\s+", " ", str(error)).strip()
    for secret in {parts.password or "", unquote(parts.password or "")} - {""}:
        reason = reason.replace(secret, "***")
    return f"{where}: {reason}"


def _pid_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
