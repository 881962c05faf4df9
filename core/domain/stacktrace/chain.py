"""The layout that V8 and the JVM share: a header, its frames innermost first, then marked causes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from core.domain.stacktrace.headers import guess_header, is_log_line, split_error_header
from core.domain.stacktrace.records import Frame
from core.domain.stacktrace.text import Draft


@dataclass(kw_only=True, slots=True)
class _Reader:
    """`below` is the last line above any frame; it becomes the header if nothing better comes."""

    read_frame: Callable[[str], Frame | None]
    read_header: Callable[[str], tuple[str, str] | None]
    links: list[Draft] = field(default_factory=list)
    below: str = ""
    closed: bool = False

    def open(self, header: str, named: tuple[str, str]) -> None:
        type_, message = named
        self.links.append(Draft(type=type_, header=header, message=[message]))
        self.closed = False

    def frame(self, frame: Frame) -> None:
        if not self.links:
            self.open(self.below, guess_header(self.below))
        if not self.closed:
            self.links[-1].frames.append(frame)

    def other(self, body: str) -> None:
        named = self.read_header(body)
        if self.links and self.links[-1].frames:
            # A second header that nothing marks as a cause starts another, unrelated stack.
            self.closed = self.closed or named is not None
        elif len(self.links) == 1 and is_log_line(body):
            self.links.clear()
            self.below = body
        elif self.links:
            self.links[-1].add_message(body)
        elif named:
            self.open(body, named)
        elif body:
            self.below = body


def read_chain(
    lines: Iterable[str],
    *,
    read_frame: Callable[[str], Frame | None],
    read_cause: Callable[[str], str | None],
    read_header: Callable[[str], tuple[str, str] | None] = split_error_header,
) -> list[Draft]:
    """The links in the order of the text. `read_cause` gives the header behind a mark like `Caused by:`."""
    reader = _Reader(read_frame=read_frame, read_header=read_header)
    for line in lines:
        body = line.strip()
        frame = read_frame(body) if body else None
        if frame is not None:
            reader.frame(frame)
            continue
        cause = read_cause(body)
        if cause is not None:
            reader.open(body, guess_header(cause))
        else:
            reader.other(body)
    return reader.links
