"""Lines that say how far it is and how long it took."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

import click


class Console:
    """Writes to standard output unless told otherwise. Colour on a terminal only, never with NO_COLOR."""

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stdout
        self._clock = clock
        self._started = clock()
        self.colour = self._stream.isatty() and not os.environ.get("NO_COLOR")

    def step(self, text: str) -> None:
        self._timed(self.paint(text, fg="cyan", bold=True))

    def say(self, text: str) -> None:
        self._timed(f"  {text}")

    def good(self, text: str) -> None:
        self._timed(f"  {self.paint(text, fg='green')}")

    def warn(self, text: str) -> None:
        self._timed(f"  {self.paint(text, fg='yellow')}")

    def bad(self, text: str) -> None:
        self._timed(f"  {self.paint(text, fg='red')}")

    def plain(self, text: str = "") -> None:
        # Flushed, since the programs that are started write to the same place.
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def paint(self, text: str, *, fg: str, bold: bool = False) -> str:
        return click.style(text, fg=fg, bold=bold) if self.colour else text

    def _timed(self, text: str) -> None:
        self.plain(f"[{self._clock() - self._started:4.0f} s] {text}")
