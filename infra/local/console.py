"""One terminal for many processes: each line under the name of who said it."""

from __future__ import annotations

import os
import sys
import threading
from typing import TextIO

COLOURS = {
    "run": "1",
    "migrate": "35",
    "deploy": "35",
    "api": "32",
    "worker": "34",
    "maint": "36",
    "beat": "33",
}
FAILED = "31"
WIDTH = 8


class Console:
    """Safe for threads. Goes on in silence when nobody reads any more."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")

    def line(self, name: str, text: str, *, colour: str | None = None) -> None:
        prefix = f"{name:<{WIDTH}}|"
        if self._colour:
            prefix = f"\x1b[{colour or COLOURS.get(name, '36')}m{prefix}\x1b[0m"
        self.plain(f"{prefix} {text}")

    def say(self, text: str) -> None:
        self.line("run", text)

    def complain(self, text: str) -> None:
        self.line("run", text, colour=FAILED)

    def plain(self, text: str) -> None:
        with self._lock:
            try:
                self._stream.write(f"{text}\n")
                self._stream.flush()
            except ValueError:
                return
            except OSError:
                # The terminal was closed, or `make run | head` has had enough. What is
                # buffered would fail again at exit.
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())
                os.close(null)
