"""Log lines of a server, written once for each turn of its event loop.

A write for each line was a seventh of what an ingest request cost; under load, many requests end in one turn.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TextIO


class TurnHandler(logging.StreamHandler[TextIO]):
    """Holds lines until the turn at hand ends, and so never while the process waits for anything.

    A warning, and what is logged where no loop runs, goes out at once, behind what was held. Killed in the
    middle of a turn, a process takes its lines along: those of requests that it was about to answer, mostly.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._held: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.put(self.format(record))
            if record.levelno >= logging.WARNING:
                self.flush()
        except Exception:  # noqa: BLE001  (as in logging itself: a line must not fail what it tells of)
            self.handleError(record)

    def put(self, line: str) -> None:
        """One that is formatted already."""
        self.acquire()
        try:
            self._held.append(line)
            if not self._is_in_turn():
                self.flush()
        finally:
            self.release()

    def flush(self) -> None:
        self.acquire()
        try:
            held, self._held = self._held, []
            if held:
                self.stream.write("\n".join([*held, ""]))
                self.stream.flush()
        finally:
            self.release()

    def _is_in_turn(self) -> bool:
        """With the end of the turn set, if so."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if len(self._held) == 1:
            loop.call_soon(self.flush)
        return True
