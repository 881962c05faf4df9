"""A supervisor as a process of its own, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

ROOT = Path(__file__).resolve().parents[3]


class Run:
    """A started supervisor; its lines are collected while it runs."""

    def __init__(self, argv: Sequence[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *argv],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            self.lines.extend(line.rstrip("\n") for line in stream)

    def saw(self, text: str, times: int = 1) -> bool:
        return sum(text in line for line in self.lines) >= times

    def wait_for(self, text: str, times: int = 1, seconds: float = 15.0) -> None:
        wait_until(lambda: self.saw(text, times), seconds, lambda: "\n".join(self.lines))

    def descendants(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def end(self, signum: int = signal.SIGTERM) -> int:
        self.process.send_signal(signum)
        return self.exit_code()

    def exit_code(self) -> int:
        code = self.process.wait(20)
        self._reader.join(10)
        return code


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(
    condition: Callable[[], bool], seconds: float = 5.0, describe: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.02)
