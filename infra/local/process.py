"""Child processes that never outlive their runner, ports, locks and the ends of logs."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from infra.local.errors import LocalError

STAGE_SERVICES = 0
"""Ended first when the runner dies: they talk to the servers."""
STAGE_SERVERS = 1


class Undertaker:
    """This process's end of the pipe to `undertaker.py`; started with the first child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def watch(self, pid: int, *, stage: int, stop_signal: int, keep_open: Sequence[int] = ()) -> None:
        self._send(f"+ {stage} {pid} {int(stop_signal)}\n", keep_open)

    def forget(self, pid: int) -> None:
        self._send(f"- {pid}\n")

    def start(self, keep_open: Sequence[int] = ()) -> None:
        """Start it now; `keep_open` are descriptors, such as a lock's, that live until it is done."""
        self._send("", keep_open)

    def _send(self, line: str, keep_open: Sequence[int] = ()) -> None:
        with self._lock:
            if self._process is None or self._owner != os.getpid():
                self._process = self._launch(keep_open)
            assert self._process.stdin is not None  # noqa: S101 - PIPE below
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()

    def _launch(self, keep_open: Sequence[int]) -> subprocess.Popen[bytes]:
        self._owner = os.getpid()
        script = Path(__file__).with_name("undertaker.py")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=tuple(keep_open),
            start_new_session=True,
            cwd="/",
        )
        atexit.register(self._close, process, self._owner)
        return process

    @staticmethod
    def _close(process: subprocess.Popen[bytes], owner: int) -> None:
        if owner != os.getpid():
            return
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            assert process.stdin is not None  # noqa: S101 - PIPE above
            process.stdin.close()
            process.wait(2)


UNDERTAKER = Undertaker()


def spawn(
    argv: Sequence[str],
    *,
    stage: int,
    stop_signal: int = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start `argv` as the leader of its own session, ended with this process whatever happens to it."""
    UNDERTAKER.start()
    process = subprocess.Popen(
        list(argv), stdin=subprocess.DEVNULL, start_new_session=True, env=env, **options
    )
    UNDERTAKER.watch(process.pid, stage=stage, stop_signal=stop_signal)
    return process


def stop(process: subprocess.Popen[bytes], steps: Sequence[tuple[int, float]]) -> None:
    """Send each signal in turn and wait its seconds; at the end SIGKILL what is left of the group."""
    for signum, seconds in steps:
        if process.poll() is None:
            process.send_signal(signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    reap(process)


def reap(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of the group, such as the pool processes of a worker that was killed."""
    kill_group(process.pid)
    process.wait()
    UNDERTAKER.forget(process.pid)


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do it: connections of the last run in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def text_from(path: Path, offset: int) -> str:
    """What was written to a log since it had `offset` bytes."""
    with path.open("rb") as log:
        log.seek(offset)
        return log.read().decode(errors="replace")


def not_ours(path: Path) -> str:
    folder = path if path.is_dir() else path.parent
    return (
        f"cannot write to {folder}, which another user made (root, perhaps); "
        f"give it back: sudo chown -R $(id -un) {shlex.quote(str(folder))}"
    )


@contextlib.contextmanager
def locked(path: Path, *, busy: str, patience: float = 0.0) -> Iterator[IO[str]]:
    """Hold an flock on `path`; LocalError(`busy`) when another holds it for `patience` seconds.

    The lock belongs to the open file: a child that inherits the descriptor goes
    on holding it, which is how a data folder stays locked while any process of
    its server lives.
    """
    try:
        opened = path.open("a+")
    except PermissionError:
        raise LocalError(not_ours(path)) from None
    with opened as file:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LocalError(busy) from None
                time.sleep(0.05)
            else:
                break
        yield file
