"""A real PostgreSQL on loopback, from a wheel: no root, no Docker, no system package."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import process
from infra.local.binaries import postgres_install, runnable_by
from infra.local.errors import LocalError
from infra.local.identity import Identity, identity_for
from infra.local.server import EmbeddedServer

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # A socket's path may not be longer than 107 bytes, which a checkout's often is.
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "log_checkpoints": "off",
}
SETTINGS_18 = {"io_method": "sync"}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# With trust, a superuser on TCP would let any account of the machine run programs as this one.
HBA = "host all rootnote 127.0.0.1/32 trust\n"
FIRST_SQL = "CREATE ROLE rootnote LOGIN CREATEDB;\nCREATE DATABASE rootnote OWNER rootnote;\n"


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A data folder as the server is told of it, with the descriptors that it has to inherit."""

    name: str
    pass_fds: tuple[int, ...] = ()


class PostgresServer(EmbeddedServer):
    """One cluster, created at the first start; role and database are `rootnote`.

    Connections are trusted from 127.0.0.1 alone. The role may create databases
    and is no superuser. Without `durable` a crash of the machine loses the data:
    for tests.
    """

    title = "PostgreSQL"
    start_seconds = 60.0
    stop_steps = ((signal.SIGINT, 10), (signal.SIGQUIT, 5))
    # Immediate shutdown, which also ends the backends; each is in a session of its own.
    kill_signal = signal.SIGQUIT

    def __init__(self, data_dir: Path, *, port: int | None = None, durable: bool = True) -> None:
        super().__init__(data_dir, port=port)
        self.durable = durable
        self.environment: Mapping[str, str] = {}
        """More variables for the server's next start; tests give it another clock by them."""

    @property
    def url(self) -> str:
        return self._url_of("rootnote")

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        import psycopg  # noqa: PLC0415 - 0.1 s that only tests pay
        from psycopg import sql  # noqa: PLC0415

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url_of(name)

    def _url_of(self, database: str) -> str:
        if self.port is None:
            raise LocalError("PostgreSQL has not been started")
        return f"postgresql://rootnote@127.0.0.1:{self.port}/{database}"

    def _existing_major(self) -> int | None:
        try:
            return int((self.data_dir / "PG_VERSION").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _in_use_by(self) -> str:
        lines = _lines(self.data_dir / "postmaster.pid")
        return f" (pid {lines[0]})" if lines else ""

    def _prepare(self, lock_fd: int) -> None:
        self._identity = identity_for(self.data_dir)
        self._install = runnable_by(postgres_install(self._existing_major()), self._identity)
        if not self._existing_major():
            self._create(lock_fd)
        self._identity.own(self.data_dir)
        # The lock says that nobody runs here: the file is stale, and its pid may be another's now.
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _create(self, lock_fd: int) -> None:
        if self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise LocalError(f"{self.data_dir} is not empty and holds no PostgreSQL database")
        # Made beside and moved, so that an interrupted first start leaves nothing half made.
        fresh = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._identity.own(fresh)
        with _as_seen_by(self._identity, fresh) as folder:
            fds = (lock_fd, *folder.pass_fds)
            initdb = [self._install.program("initdb"), "-D", folder.name, "-U", "postgres", "-A", "reject"]
            initdb += ["--no-locale", "-E", "UTF8", "--no-instructions"]
            initdb += [] if self.durable else ["--no-sync"]
            self._run(initdb, fds)
            (fresh / "pg_hba.conf").write_text(HBA)
            single = [self._install.program("postgres"), "--single", "-D", folder.name, "postgres"]
            self._run(single, fds, FIRST_SQL)
        fresh.rename(self.data_dir)

    def _run(self, argv: list[str], fds: tuple[int, ...], words: str = "") -> None:
        done = subprocess.run(
            [*self._identity.prefix, *argv],
            input=words.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=self.start_seconds,
            cwd="/",
            env=_environment(),
            pass_fds=fds,
            # Ctrl-C in the terminal is the runner's to handle.
            start_new_session=True,
            **self._identity.options,
        )
        output = done.stdout.decode(errors="replace")
        with self.log.open("a") as log:
            log.write(output)
        # A single-user server goes on after an error and ends with 0.
        if done.returncode or "ERROR:" in output:
            last = output.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise LocalError(f"PostgreSQL could not create {self.data_dir}: {last[0]} (see {self.log})")

    def _spawn(self, port: int, lock_fd: int) -> subprocess.Popen[bytes]:
        with _as_seen_by(self._identity, self.data_dir) as folder, self.log.open("ab") as log:
            postgres = [*self._identity.prefix, self._install.program("postgres"), "-D", folder.name]
            return process.spawn(
                [*postgres, *self._settings(port)],
                stage=process.STAGE_SERVERS,
                stop_signal=signal.SIGINT,
                env=_environment() | dict(self.environment),
                cwd="/",
                stdout=log,
                stderr=log,
                pass_fds=(lock_fd, *folder.pass_fds),
                **self._identity.options,
            )

    def _answers(self, port: int, pid: int) -> bool:
        lines = _lines(self.data_dir / "postmaster.pid")
        # Line 1 is the pid, line 8 the state; before that, TCP answers but refuses sessions.
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _settings(self, port: int) -> list[str]:
        settings = SETTINGS | {"port": str(port)}
        if self._install.major >= 18:
            settings |= SETTINGS_18
        if not self.durable:
            settings |= NOT_DURABLE
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


@contextlib.contextmanager
def _as_seen_by(identity: Identity, data_dir: Path) -> Iterator[Folder]:
    """Name a folder so that the identity can open it, even under a home that it may not enter.

    Its descriptor is inherited, and /proc leads from that straight to the
    folder with no look at the parents. The data stay with the checkout.
    """
    if identity.can("-x", data_dir):
        yield Folder(name=str(data_dir))
        return
    if not sys.platform.startswith("linux"):
        raise LocalError(f"PostgreSQL does not run as root and only root may enter {data_dir}; move it")
    descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Folder(name=f"/proc/self/fd/{descriptor}", pass_fds=(descriptor,))
    finally:
        os.close(descriptor)


def _environment() -> dict[str, str]:
    """The caller's, without the variables that would lead the server elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
