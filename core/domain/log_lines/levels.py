"""Which words and numbers mean that a line is an error."""

from __future__ import annotations

from collections.abc import Mapping

_ERRORS = frozenset(
    {
        "error", "err", "eror", "critical", "crit", "fatal", "ftl", "alert", "emerg", "emergency",
        "severe", "panic", "pnc", "dpanic", "fail",
    }
)  # fmt: skip
_OTHERS = frozenset(
    {
        "trace", "trce", "trc", "debug", "dbug", "dbg", "verbose", "vrb", "fine", "finer", "finest", "config",
        "info", "inf", "information", "informational", "notice", "log", "http", "silly", "success",
        "warn", "wrn", "warning",
    }
)  # fmt: skip
_PROSE = frozenset({"log", "http", "fine", "config", "success", "silly", "panic"})
"""In plain text these are no levels, as in `http: panic serving 10.0.0.1` and Go's `panic: boom`."""
_PROSE_IN_CAPITALS = _PROSE - {"panic"} | {"fail", "alert"}
"""FAIL is what a test runner prints."""

_NUMBERED_ERROR = 50
"""pino's and bunyan's error; their fatal is 60."""
_NUMBERS = range(10, 100)


def is_error(level: object) -> bool | None:
    """None: what is no level at all. An object is judged by its name."""
    if isinstance(level, Mapping):
        level = level.get("name", level.get("value"))
    if isinstance(level, bool):
        return None
    if isinstance(level, str):
        return (
            _of_number(int(level)) if level.isascii() and level.isdigit() and len(level) < 9 else word(level)
        )
    return _of_number(level) if isinstance(level, int | float) else None


def word(text: str) -> bool | None:
    name = text.strip().lower()
    return True if name in _ERRORS else False if name in _OTHERS else None


def word_in_text(text: str) -> bool | None:
    """For plain text, of a word that brackets, tabs or a colon set apart."""
    return None if text.lower() in _PROSE else word(text)


def word_in_capitals(text: str) -> bool | None:
    """For plain text, where nothing but its capitals tells a level from prose."""
    return word(text) if text.isupper() and text.lower() not in _PROSE_IN_CAPITALS else None


def _of_number(level: float) -> bool | None:
    return level >= _NUMBERED_ERROR if _NUMBERS.start <= level < _NUMBERS.stop else None
