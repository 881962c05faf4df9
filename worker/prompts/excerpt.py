"""A long stack cut to what tells most: the chain of exceptions, then frames of the user's own code.

Cutting at the head or the tail loses one or the other: Python puts the cause last, Java puts it last
of the chain but first in its frames, and framework frames outnumber the user's by ten to one.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.stacktrace import Frame, StackTrace, parse

_HEADER_CHARS = 600
_FRAME_CHARS = 400
_LEFT_OUT = "[... {} frames left out ...]"
_MARKER_CHARS = len(_LEFT_OUT) + 4


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    """`rank` 0 is kept first; among equals, that with the lower `distance` from the failing call."""

    text: str
    rank: int
    distance: int


def stack_excerpt(stack: str, *, limit: int) -> str:
    """At most about `limit` characters, in the stack's own order, with a mark wherever frames are missing.

    Every kept line stands in the stack as it is, so that a model can quote it.
    """
    if len(stack) <= limit:
        return stack
    trace = parse(stack)
    if not any(exception.frames for exception in trace.exceptions):
        return _head_and_tail(stack, limit)
    pieces = _pieces(trace)
    kept = _choose(pieces, limit)
    return _join(pieces, kept)


def _head_and_tail(text: str, limit: int) -> str:
    head = limit * 2 // 3
    return f"{text[:head]}\n[... {len(text) - limit} characters left out ...]\n{text[head - limit :]}"


def _pieces(trace: StackTrace) -> list[_Piece]:
    pieces = []
    root = len(trace.exceptions) - 1
    for index, exception in enumerate(trace.exceptions):
        pieces.append(_Piece(text=_cut(exception.header, _HEADER_CHARS), rank=0, distance=root - index))
        deepest = len(exception.frames) - 1
        for position, frame in enumerate(exception.frames):
            distance = deepest - position
            rank = _rank(frame, is_root=index == root, distance=distance)
            pieces.append(_Piece(text=_cut(frame.raw, _FRAME_CHARS), rank=rank, distance=distance))
    return pieces


def _rank(frame: Frame, *, is_root: bool, distance: int) -> int:
    if is_root and (frame.in_app or distance == 0):
        return 1
    if frame.in_app:
        return 2
    return 3 if is_root else 4


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit]


def _choose(pieces: list[_Piece], limit: int) -> frozenset[int]:
    kept: set[int] = set()
    left = limit - _MARKER_CHARS
    for index in sorted(range(len(pieces)), key=lambda i: (pieces[i].rank, pieces[i].distance)):
        # A piece that is left out may cost a marker where it stood.
        cost = len(pieces[index].text) + 1 + (_MARKER_CHARS if pieces[index].rank else 0)
        if cost <= left:
            kept.add(index)
            left -= cost
    return frozenset(kept)


def _join(pieces: list[_Piece], kept: frozenset[int]) -> str:
    lines: list[str] = []
    missing = 0
    for index, piece in enumerate(pieces):
        if index not in kept:
            missing += 1
            continue
        if missing:
            lines.append(_LEFT_OUT.format(missing))
            missing = 0
        lines.append(piece.text)
    if missing:
        lines.append(_LEFT_OUT.format(missing))
    return "\n".join(lines)
