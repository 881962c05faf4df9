"""The line that names an exception: `Type: message`, or a type alone."""

from __future__ import annotations

import re

from core.domain.expressions import expression

# No part of the type can match what parts it from the next, so the pattern never backtracks far.
_HEADER = re.compile(
    r"(?P<type>[A-Za-z_$][\w$]*(?:(?:\.|::|\\\\?|\+)[\w$<>`]+)*)"
    r"(?: \[\w+\]| \((?:0x)?[0-9A-Fa-f]+\))?"
    r"(?::(?:\s+(?P<message>.*))?)?$",
    re.DOTALL,
)
_SEPARATOR = re.compile(r"\.|::|\\|\+")
_ERROR_ENDINGS = (
    "Error",
    "Exception",
    "Failure",
    "Fault",
    "Throwable",
    "Interrupt",
    "Timeout",
    "Warning",
    "Exit",
    "Iteration",
    "Rejection",
    "DoesNotExist",
    "NotFound",
)
_LOG_LINE = expression(
    r"\[?\d{4}[-/]\d\d[-/]\d\d\b|\[?\d\d:\d\d:\d\d|\[?(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b"
)
_WORD = expression(r"\S+")


def split_header(line: str) -> tuple[str, str] | None:
    """Type and message if the line has that form at all; any `word: text` has."""
    match = _HEADER.match(line)
    if match is None:
        return None
    return match["type"], (match["message"] or "").strip()


def split_error_header(line: str) -> tuple[str, str] | None:
    """Type and message if the type's own name says that it is an error; `Note: text` is not one."""
    found = split_header(line)
    return found if found and names_an_error(found[0]) else None


def names_an_error(name: str) -> bool:
    *packages, last = _SEPARATOR.split(name)
    return last.endswith(_ERROR_ENDINGS) or (bool(packages) and last[:1].isupper())


def guess_header(line: str) -> tuple[str, str]:
    """Type and message of a line known to stand above frames, perhaps behind a log prefix.

    The type is "" when the line names none.
    """
    found = split_error_header(line)
    if found:
        return found
    for word in _WORD().finditer(line):
        name = word.group().removesuffix(":")
        if name.endswith(("Error", "Exception")):
            behind = split_header(line[word.start() :])
            if behind:
                return behind
    return split_header(line) or ("", line)


def is_log_line(line: str) -> bool:
    return _LOG_LINE().match(line) is not None
