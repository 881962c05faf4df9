"""A line that a server writes for each request: a text and plain fields, nothing to look up."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from core.log import PlainFormatter, fields_at_hand
from core.log_by_turn import TurnHandler


def log_plain(
    logger: logging.Logger,
    level: int,
    place: tuple[str, str, int],
    message: str,
    fields: Mapping[str, str | int | float],
) -> None:
    """As `logger.log` does, with `place` (path, function, line) for its caller and `fields` for its `extra`.

    By a record, which is filtered and formatted attribute by attribute, a line took a tenth of an ingest
    request. So a server that writes JSON goes without.
    """
    if not logger.isEnabledFor(level):
        return
    path, function, line = place
    handlers = logging.root.handlers
    handler = handlers[0] if len(handlers) == 1 else None
    if isinstance(handler, TurnHandler) and isinstance(handler.formatter, PlainFormatter):
        name, at = logging.getLevelName(level), f"{function}:{line}"
        fields = {**fields, **fields_at_hand()}
        handler.put(handler.formatter.plain(name, at, message, time.time(), fields))
        return
    record = logger.makeRecord(logger.name, level, path, line, "%s", (message,), None, function, fields)
    logger.handle(record)
