"""Stacks of the JVM, Java's and Kotlin's alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from core.domain.expressions import expression
from core.domain.stacktrace.chain import read_chain
from core.domain.stacktrace.headers import split_error_header
from core.domain.stacktrace.origin import java_in_app
from core.domain.stacktrace.records import ExceptionInfo, Frame
from core.domain.stacktrace.text import LINES_REMEMBERED, StackText

_PLACE = expression(r"(?P<file>[^:()]+?)(?::(?P<line>\d{1,9}))?$")
_NO_FILE = frozenset({"Native Method", "Unknown Source", "<generated>"})
_MARKS = ("Caused by: ", "Wrapped by: ")


def read(text: StackText) -> tuple[ExceptionInfo, ...]:
    links = read_chain(
        _chain_lines(text.lines), read_frame=read_frame, read_cause=_cause, read_header=_header
    )
    if any(link.header.startswith("Wrapped by: ") for link in links):
        # Logback's root-cause-first order.
        links.reverse()
    return tuple(link.finish(innermost_first=True) for link in links)


@lru_cache(maxsize=LINES_REMEMBERED)
def read_frame(body: str) -> Frame | None:
    call = _call(body)
    if call is None:
        return None
    name, match = call
    class_name, _, method = _without_loader(name).rpartition(".")
    return Frame(
        raw=body,
        file=None if match.string in _NO_FILE else match["file"],
        function=method,
        module=class_name,
        line=int(match["line"]) if match["line"] else None,
        in_app=java_in_app(class_name),
    )


def _call(body: str) -> tuple[str, re.Match[str]] | None:
    """What is called, and what stands in the brackets behind it."""
    if not body.startswith("at "):
        return None
    name, opening, rest = body[3:].partition("(")
    place, closing, _ = rest.partition(")")
    if not (opening and closing and "." in name) or " " in name:
        return None
    match = _PLACE().match(place)
    return match and (name, match)


def _chain_lines(lines: tuple[str, ...]) -> Iterator[str]:
    """Suppressed exceptions are no part of the chain of causes; neither are their own causes.

    `... 23 more` goes too, or it would end up in the message of a cause without frames.
    """
    skipped_indent: int | None = None
    for line in lines:
        body = line.lstrip()
        indent = len(line) - len(body)
        if skipped_indent is not None:
            if not body.startswith(_MARKS) or (indent >= skipped_indent > 0):
                continue
            skipped_indent = None
        if body.startswith("Suppressed: "):
            skipped_indent = indent
        elif not body.startswith("... "):
            yield line


def _cause(body: str) -> str | None:
    for mark in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :]
    return None


def _header(body: str) -> tuple[str, str] | None:
    if body.startswith("Exception in thread "):
        body = body.partition('" ')[2]
    return split_error_header(body)


def _without_loader(name: str) -> str:
    """`java.base/`, `app//` and the like in front; a slash behind `$$Lambda` is the class's own."""
    loader_end = name.rfind("/", 0, name.find("$$Lambda") if "$$Lambda" in name else len(name))
    return name[loader_end + 1 :]
