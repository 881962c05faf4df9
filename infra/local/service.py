"""A program kept running: its lines in the console, started again when it ends."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from infra.local import process
from infra.local.console import Console

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
STEADY_SECONDS = 60.0
"""After running this long, an exit is a new story: the next delay is the first one again."""
REMEMBERED_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Service:
    """`env` is added to what all get. Lower `stop_phase`s are stopped, and gone, before higher ones."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stop_phase: int = 0
    stop_seconds: float = 5.0


def describe_exit(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


class ServiceProcess:
    """One start of a service."""

    def __init__(self, service: Service, *, env: Mapping[str, str], cwd: Path, console: Console) -> None:
        self.service = service
        self._console = console
        self.last_lines: deque[str] = deque(maxlen=REMEMBERED_LINES)
        self._process = process.spawn(
            service.argv,
            stage=process.STAGE_SERVICES,
            env={**env, **service.env},
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None  # noqa: S101 - PIPE above
        self._pump = threading.Thread(target=self._copy, args=(self._process.stdout,), daemon=True)
        self._pump.start()

    def wait(self) -> int:
        """Wait for its end, end what it left behind, and return its exit code."""
        self._process.wait()
        process.reap(self._process)
        self._pump.join(2)
        return self._process.returncode

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def stopped_within(self, seconds: float) -> bool:
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        process.kill_group(self._process.pid)

    def _copy(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                line = raw.decode(errors="replace").rstrip("\r\n")
                self.last_lines.append(line)
                self._console.line(self.service.name, line)


class KeptService:
    """Runs a service in a thread until `stop`; `exits` counts its unexpected ends."""

    def __init__(
        self, service: Service, *, start: Callable[[Service], ServiceProcess], console: Console
    ) -> None:
        self.service = service
        self.exits = 0
        self.last_lines: list[str] = []
        self._start = start
        self._console = console
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._current: ServiceProcess | None = None
        self._thread = threading.Thread(target=self._keep, name=service.name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        with self._lock:
            self._stopping.set()
            if self._current is not None:
                self._current.ask_to_stop()

    def finish(self, deadline: float) -> None:
        """Wait for its end until `deadline` (monotonic), then kill it."""
        with self._lock:
            current = self._current
        if current is not None and not current.stopped_within(deadline - time.monotonic()):
            self._console.complain(f"{self.service.name} did not stop in time and is killed")
            current.kill()
        if self._thread.is_alive():
            self._thread.join(5)

    def kill(self) -> None:
        # No lock: called by a signal handler, which may have interrupted its holder.
        self._stopping.set()
        if self._current is not None:
            self._current.kill()

    def _keep(self) -> None:
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            ended = self._run_once()
            if self._stopping.is_set():
                return
            self.exits += 1
            if time.monotonic() - began > STEADY_SECONDS:
                delay = FIRST_DELAY
            self._console.complain(f"{self.service.name} ended ({ended}); starting it again in {delay:g} s")
            if self._stopping.wait(delay):
                return
            delay = min(delay * 2, LONGEST_DELAY)

    def _run_once(self) -> str:
        """Return how it ended."""
        with self._lock:
            if self._stopping.is_set():
                return "not started"
            try:
                current = self._current = self._start(self.service)
            except OSError as error:
                self.last_lines = [str(error)]
                return f"cannot be started: {error.strerror}"
        code = current.wait()
        self._current = None
        self.last_lines = list(current.last_lines)
        return describe_exit(code)
