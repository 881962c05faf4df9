"""Logs: standard logging, one line an event, with the ids of the request and job at hand.

JSON comes from Powertools' formatter, so that Lambda, worker and API speak alike; `console` is for
people. Fields go in as `extra={"job_id": …}`. No payload, prompt or key is ever logged.
"""

from __future__ import annotations

import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import TextIO

from core.settings import LogFormat

_context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "data",
    "color_message",
}
"""Attributes that are no fields of ours; `data` and `color_message` repeat the message."""


def fields_at_hand() -> Mapping[str, str]:
    """What `bound` has lines carry here."""
    return _context.get() or {}


class bound:  # noqa: N801  (used like contextlib's own)
    """Every line logged inside, by whomever, carries these fields."""

    __slots__ = ("_fields", "_token")

    def __init__(self, **fields: str) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        self._token: Token[dict[str, str] | None] = _context.set({**fields_at_hand(), **self._fields})

    def __exit__(self, *_: object) -> None:
        _context.reset(self._token)


class _AddContext(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in fields_at_hand().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


def one_line(text: str) -> str:
    """The text as a terminal may show it: what breaks lines or drives the terminal is an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class PlainFormatter(logging.Formatter, ABC):
    """Needs no record for a line that has a text and plain fields only."""

    @abstractmethod
    def plain(
        self, level: str, place: str, message: str, created: float, fields: Mapping[str, str | int | float]
    ) -> str:
        """`place` is function:line, `created` in seconds since 1970."""


_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[31m"}


class _Console(logging.Formatter):
    """`20:15:01 INFO    handlers.app  message  key=value`, coloured on a terminal."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        self._colour = colour

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's own name)
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        head, _, traceback = super().format(record).partition("\n")
        fields = [f"{k}={one_line(str(v))}" for k, v in vars(record).items() if k not in _STANDARD]
        line = "  ".join([head, *fields])
        if self._colour and (colour := _COLOURS.get(record.levelno)):
            line = f"{colour}{line}\x1b[0m"
        return f"{line}\n{traceback}" if traceback else line


def _turn_handler() -> logging.StreamHandler[TextIO]:
    # Here, since a worker needs no asyncio.
    from core.log_by_turn import TurnHandler  # noqa: PLC0415

    return TurnHandler(sys.stdout)


def configure(log_format: LogFormat, level: str, *, service: str, by_turn: bool = False) -> None:
    """Send everything to stdout in one format. Calling it again replaces what was.

    `by_turn` is for a server whose event loop runs for as long as it does.
    """
    handler = _turn_handler() if by_turn else logging.StreamHandler(sys.stdout)
    if log_format is LogFormat.JSON:
        from core.log_json import JsonFormatter  # noqa: PLC0415

        handler.setFormatter(JsonFormatter(service=service))
    else:
        handler.setFormatter(_Console(colour=sys.stdout.isatty()))
    handler.addFilter(_AddContext())
    # Looked up for each record, and shown by neither format.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for own_way in ("uvicorn", "uvicorn.error"):
        logging.getLogger(own_way).handlers.clear()
        logging.getLogger(own_way).propagate = True
    for noisy in (
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "openai",
        "google",
        "google_genai",
        # At DEBUG it writes whole answers of Secrets Manager.
        "botocore",
        "boto3",
        "urllib3",
        "psycopg.pool",
        "mangum",
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
