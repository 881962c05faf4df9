"""Tracebacks of Python, exception groups and syntax errors included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from core.domain.expressions import expression
from core.domain.stacktrace.headers import is_log_line, split_error_header, split_header
from core.domain.stacktrace.origin import python_in_app
from core.domain.stacktrace.records import ExceptionInfo, Frame
from core.domain.stacktrace.text import Draft, StackText

TRACEBACK = "Traceback (most recent call last):"
_GROUP = "Exception Group Traceback (most recent call last):"
_SEPARATORS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_FRAME = re.compile(r'\s*File "(?P<file>[^"]*)", line (?P<line>\d{1,9})(?:, in (?P<function>.*))?$')
_BOXED = expression(r"( +)[|+] ?(.*)$", re.DOTALL)
_BORDER = expression(r"[-+]{4,}(?: (?P<number>\d+|\.\.\.) -+)?$")
_MAX_SOURCE_LINES = 8


class _Row(NamedTuple):
    """A line without the box that an exception group draws around it. `depth` is how far in the box is.

    A tuple, since it is made in a third of a dataclass's time, once a line.
    """

    number: int
    body: str
    indent: int
    frame: re.Match[str] | None
    depth: int = 0
    border: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    """One exception as printed. `linked` says that the block before it belongs to the same chain."""

    draft: Draft
    depth: int
    linked: bool


def read(text: StackText) -> tuple[ExceptionInfo, ...]:
    rows = _rows(text)
    blocks: list[_Block] = []
    linked = False
    at = 0
    while at < len(rows):
        row = rows[at]
        if TRACEBACK in row.body or row.border or row.frame:
            start = at
            draft, at = _read_block(text, rows, at)
            if draft.frames or draft.header:
                blocks.append(_Block(draft=draft, depth=row.depth, linked=linked or row.border))
                linked = False
            at = max(at, start + 1)
            continue
        if row.body.startswith(_SEPARATORS):
            if not linked and not blocks:
                blocks += _block_without_frames(rows, at)
            linked = True
        at += 1
    return tuple(block.draft.finish(innermost_first=False) for block in _last_chain(blocks))


def _last_chain(blocks: list[_Block]) -> list[_Block]:
    """Python prints the root cause first. A group comes before its member, which stands for its cause."""
    chain: list[_Block] = []
    for block in reversed(blocks):
        chain.append(block)
        if not block.linked:
            break
    return sorted(chain, key=lambda block: block.depth)


def _rows(text: StackText) -> list[_Row]:
    if _GROUP not in text.text:
        return [_row(number, line) for number, line in enumerate(text.lines)]
    rows: list[_Row] = []
    left_out_from: int | None = None
    for number, line in enumerate(text.lines):
        match = _BOXED().match(line)
        depth, body = (len(match[1]), match[2]) if match else (0, line)
        if left_out_from is not None and depth >= left_out_from:
            continue
        left_out_from = None
        border = _BORDER().match(body)
        if border and border["number"] != "1":
            # Only the first member of a group is kept: a chain has one root.
            left_out_from = depth
        elif border:
            rows.append(_Row(number, "", 0, None, depth + 1, border=True))
        else:
            rows.append(_row(number, body, depth))
    return rows


def _row(number: int, body: str, depth: int = 0) -> _Row:
    return _Row(number, body, len(body) - len(body.lstrip()), _FRAME.match(body), depth)


def _block_without_frames(rows: list[_Row], separator: int) -> list[_Block]:
    """An exception that was never raised has a header alone above the separator."""
    for row in reversed(rows[max(0, separator - 3) : separator]):
        named = split_error_header(row.body)
        if named:
            draft = Draft(type=named[0], header=row.body.strip(), message=[named[1]])
            return [_Block(draft=draft, depth=row.depth, linked=False)]
    return []


def _read_block(text: StackText, rows: list[_Row], at: int) -> tuple[Draft, int]:
    draft = Draft()
    base = 0
    if rows[at].border:
        at += 1
    if at < len(rows) and rows[at].body.lstrip().startswith(TRACEBACK):
        base = rows[at].indent
    while at < len(rows):
        row = rows[at]
        if row.frame:
            frame, at = _read_frame(text, rows, at, row.frame)
            draft.frames.append(frame)
        elif TRACEBACK in row.body and not draft.frames:
            at += 1
        elif row.body.strip() and (row.indent <= base or TRACEBACK in row.body):
            break
        else:
            at += 1
    return draft, _read_header(rows, at, draft)


def _read_frame(text: StackText, rows: list[_Row], at: int, match: re.Match[str]) -> tuple[Frame, int]:
    first, last, indent = at, at, rows[at].indent
    source: list[str] = []
    at += 1
    while at < len(rows) and rows[at].indent > indent and not rows[at].frame:
        body = rows[at].body.strip()
        # Lines of carets only point at a part of the line above.
        if body.strip("^~ ") and len(source) < _MAX_SOURCE_LINES:
            source.append(body)
            last = at
        at += 1
    file, line, function = match.groups()
    frame = Frame(
        raw=text.quote(rows[first].number, rows[last].number).lstrip(" |+"),
        file=file,
        function=function or None,
        line=int(line),
        source="\n".join(source) or None,
        in_app=python_in_app(file),
    )
    return frame, at


def _read_header(rows: list[_Row], at: int, draft: Draft) -> int:
    """The row after the header and its message; a traceback that was cut off has neither."""
    if at >= len(rows) or TRACEBACK in rows[at].body:
        return at
    body = rows[at].body.strip()
    named = split_header(body)
    if named is None and is_log_line(body):
        return at
    draft.header = body
    draft.type, message = named or ("", body)
    draft.add_message(message)
    at += 1
    while at < len(rows) and not _ends_message(rows[at], draft):
        draft.add_message(rows[at].body.rstrip())
        at += 1
    return at


def _ends_message(row: _Row, draft: Draft) -> bool:
    return (
        row.border
        or TRACEBACK in row.body
        or row.body.startswith(_SEPARATORS)
        or is_log_line(row.body)
        or (bool(draft.frames) and row.frame is not None)
    )
