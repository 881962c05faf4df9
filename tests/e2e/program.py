"""One program of the stack: a process of its own, with everything that it printed in a file."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped, unused-ignore]

from infra.local import process

T = TypeVar("T")

_POLL_SECONDS = 0.1


class Program:
    """Runs in `folder`, away from the checkout and its `.env`. A second start adds to the same log."""

    def __init__(self, name: str, argv: Sequence[str], *, env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as out:
            self._process = process.spawn(
                argv,
                stage=process.STAGE_SERVICES,
                env=env,
                cwd=folder,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def children(self) -> list[psutil.Process]:
        try:
            return list(psutil.Process(self.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None while it still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def kill(self) -> None:
        """SIGKILL for it and all of its children, as when a container or a machine ends."""
        children = self.children()
        process.reap(self._process)
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        wait_until(lambda: all(map(_is_over, children)), 5, f"{self.name}'s children end")

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def lines(self) -> Iterator[dict[str, Any]]:
        """The log lines that are JSON objects; Celery's banner and tracebacks are not."""
        for line in self.text().splitlines():
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    yield found


def _is_over(child: psutil.Process) -> bool:
    """Also where its exit was not yet asked for: whoever inherits orphans may take seconds for that."""
    try:
        return bool(child.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """The condition's first true value. Fails, naming `what` and the last value, when time is up."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what} (last: {value!r})"
        time.sleep(_POLL_SECONDS)
    return value
