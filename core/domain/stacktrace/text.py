"""A stack text cut into lines within bounds, so that no input can make the parsers slow."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate

from core.domain.stacktrace.records import ExceptionInfo, Frame

MAX_LINE = 2_000
MAX_LINES_EACH_END = 2_000
MAX_QUOTE = 4_000
MAX_MESSAGE_LINES = 50
LINES_REMEMBERED = 2_048
"""Of a runtime's frames. A stack that repeats its message never comes twice, but its other lines do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StackText:
    """The text and its lines, each cut at MAX_LINE characters and without its line ending.

    The middle of a text with more than twice MAX_LINES_EACH_END lines is left out: the ends of a runaway
    recursion tell what its middle would.
    """

    text: str
    lines: tuple[str, ...]
    starts: tuple[int, ...]

    def quote(self, first: int, last: int) -> str:
        """The text from line `first` to line `last` with the line endings it came with, outer blanks off."""
        start = self.starts[first]
        end = self.starts[last] + len(self.lines[last])
        return self.text[start : min(end, start + MAX_QUOTE)].strip()


@dataclass(kw_only=True, slots=True)
class Draft:
    """One link of a chain while its lines are still being read; `frames` are in the order of the text."""

    type: str = ""
    header: str = ""
    message: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def add_message(self, line: str) -> None:
        if len(self.message) < MAX_MESSAGE_LINES:
            self.message.append(line)

    def finish(self, *, innermost_first: bool) -> ExceptionInfo:
        return ExceptionInfo(
            type=self.type,
            message="\n".join(self.message).strip()[:MAX_QUOTE],
            header=self.header,
            frames=tuple(reversed(self.frames)) if innermost_first else tuple(self.frames),
        )


def split(text: str) -> StackText:
    """Only line feeds part lines: a form feed or U+2028 inside a message is no new line to a runtime."""
    if text.count("\n") < MAX_LINES_EACH_END:
        whole = text.split("\n")
        lines = tuple([line[:MAX_LINE].removesuffix("\r") for line in whole])
        starts = tuple(accumulate([len(line) + 1 for line in whole[:-1]], initial=0))
        return StackText(text=text, lines=lines, starts=starts)
    spans = _head(text)
    after_head = spans[-1][1] + 1
    spans += _tail(text, after_head)
    lines = tuple(text[start : min(end, start + MAX_LINE)].removesuffix("\r") for start, end in spans)
    return StackText(text=text, lines=lines, starts=tuple(start for start, _ in spans))


def _head(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    position = 0
    while position <= len(text) and len(spans) < MAX_LINES_EACH_END:
        end = text.find("\n", position)
        if end == -1:
            end = len(text)
        spans.append((position, end))
        position = end + 1
    return spans


def _tail(text: str, floor: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    end = len(text)
    while end >= floor and len(spans) < MAX_LINES_EACH_END:
        start = max(text.rfind("\n", floor, end) + 1, floor)
        spans.append((start, end))
        end = start - 1
    return spans[::-1]
