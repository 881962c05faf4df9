"""Stacks of V8 (Node, Chrome, Edge), and of Firefox and Safari."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from core.domain.expressions import expression
from core.domain.stacktrace.chain import read_chain
from core.domain.stacktrace.headers import split_error_header
from core.domain.stacktrace.origin import javascript_in_app
from core.domain.stacktrace.records import ExceptionInfo, Frame
from core.domain.stacktrace.text import LINES_REMEMBERED, StackText

_UNCAUGHT = ("Uncaught (in promise) ", "Uncaught ", "Unhandled rejection ", "[errors]: [")
_CAUSES = ("[cause]: ", "Caused by: ", "caused by: ")
_NO_LINE = expression(r"(?:<anonymous>|native|index \d+|\[native code\]|wasm://\S*)$")


class _Call(NamedTuple):
    raw: str
    function: str
    place: str


def read(text: StackText) -> tuple[ExceptionInfo, ...]:
    lines = _with_errors_as_causes(text.lines)
    links = read_chain(lines, read_frame=read_frame, read_cause=_cause, read_header=_header)
    return tuple(link.finish(innermost_first=True) for link in links)


@lru_cache(maxsize=LINES_REMEMBERED)
def read_frame(body: str) -> Frame | None:
    call = _call(body)
    found = _place(call.place) if call else None
    if call is None or found is None:
        return None
    file, line = found
    return Frame(
        raw=call.raw,
        file=file,
        function=call.function.strip() or None,
        line=line,
        in_app=javascript_in_app(file),
    )


def _with_errors_as_causes(lines: tuple[str, ...]) -> list[str]:
    """An AggregateError's first member counts as its cause; the others are left out."""
    kept: list[str] = []
    after_mark = False
    for line in lines:
        if after_mark and line.strip():
            kept.append("[cause]: " + line.strip())
            after_mark = False
        elif line.strip().startswith("[errors]: ["):
            after_mark = True
        else:
            kept.append(line)
    return kept


def _cause(body: str) -> str | None:
    for mark in _CAUSES:
        if body.startswith(mark):
            return body[len(mark) :]
    return None


def _header(body: str) -> tuple[str, str] | None:
    for prefix in _UNCAUGHT:
        body = body.removeprefix(prefix)
    return split_error_header(body)


def _call(body: str) -> _Call | None:
    if body.startswith("at "):
        return _v8_call(body)
    return _gecko_call(body) if "@" in body else None


def _v8_call(body: str) -> _Call:
    # Node opens the error's own properties behind its last frame, and parts the errors of a list by commas.
    raw = body.removesuffix("{").rstrip().removesuffix(",")
    call = raw[3:].removeprefix("async ")
    function, place = "", call
    if call.endswith(")") and " (" in call:
        function, _, place = call[:-1].partition(" (")
    if place.startswith("eval at "):
        place = place.rpartition("(")[2].partition(")")[0]
    return _Call(raw, function.partition(" [as ")[0], place)


def _gecko_call(body: str) -> _Call | None:
    function, _, place = body.partition("@")
    if " " in function and not function.endswith(" code"):
        return None
    return _Call(body, function.removeprefix("async*"), place)


def _place(text: str) -> tuple[str, int | None] | None:
    file, line = _position(text)
    if line is None and not _NO_LINE().match(text):
        return None
    # Rust prints the places of its frames in the form of V8.
    return None if file.endswith(".rs") else (file, line)


def _position(place: str) -> tuple[str, int | None]:
    parts = place.rsplit(":", 2)
    if len(parts) == 3 and parts[0] and _is_number(parts[1]) and _is_number(parts[2]):
        return parts[0], int(parts[1])
    return place, None


def _is_number(text: str) -> bool:
    return len(text) < 10 and text.isascii() and text.isdigit()
