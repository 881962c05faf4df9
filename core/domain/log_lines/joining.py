"""Stacks that were cut into a log event for each line, put together again.

Containers and plain prints write line by line. Whole events, as Lambda's runtimes write them, stay alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from core.domain.log_lines.prefix import begins_with_time, split_prefix
from core.domain.log_lines.records import LogLine
from core.domain.log_lines.text import tidy
from core.domain.stacktrace.headers import is_log_line, split_header
from core.domain.stacktrace.python import TRACEBACK

_WITHIN_MS = 1_000
_MOST_LINES = 1_000
_CHAINS = ("During handling of the above exception", "The above exception was the direct cause")
_MARKS = ("Caused by: ", "Stack trace:", "[stacktrace]", *_CHAINS)
_PHP_CALL = re.compile(r"#\d+ ")
_GO = re.compile(r"panic: |fatal error: |goroutine \d|.{0,100}http: panic serving ")
_PLATFORM = ("START ", "END ", "REPORT ", "RequestId: ", "{")


@dataclass(kw_only=True, slots=True)
class _Block:
    """Lines that belong together; the first gives the whole its id and its time."""

    first: LogLine
    lines: list[str] = field(default_factory=list)
    last: str = ""
    last_timestamp: int = 0
    is_whole: bool = False
    is_traceback: bool = False

    def add(self, line: LogLine, text: str) -> None:
        self.lines.append(text)
        self.last = text if text.strip() else self.last
        self.last_timestamp = line.timestamp
        self.is_traceback = self.is_traceback or TRACEBACK in text

    def takes(self, line: LogLine, text: str) -> bool:
        if self.is_whole or "\n" in text or len(self.lines) >= _MOST_LINES:
            return False
        if not 0 <= line.timestamp - self.last_timestamp <= _WITHIN_MS:
            return False
        if text[:1].isspace():
            # A traceback quotes code, in which a level may stand as a name.
            return self.is_traceback or not _is_error(text)
        if text in {"", "}"} or text.startswith(_MARKS) or _PHP_CALL.match(text):
            return True
        if text.startswith(TRACEBACK):
            return self.last.startswith(_CHAINS) or (len(self.lines) == 1 and _is_error(self.last))
        if text.startswith(_PLATFORM) or is_log_line(text) or begins_with_time(text):
            return False
        if self.is_traceback:
            # What was raised stands below the frames, but for Lambda, which has it above them.
            return self.last[:1].isspace() and split_header(text) is not None and _level(text) is None
        return _GO.match(self.lines[0]) is not None

    def whole(self) -> LogLine:
        return replace(self.first, text="\n".join(self.lines)) if len(self.lines) > 1 else self.first


def join(lines: Iterable[LogLine]) -> list[LogLine]:
    """Lines of one stream, in its order. A pure function of them: delivered again, they join the same."""
    blocks: list[_Block] = []
    for line in lines:
        text = line.text.rstrip("\r\n")
        if not blocks or not blocks[-1].takes(line, text):
            blocks.append(_Block(first=line, is_whole=_is_whole(text)))
        blocks[-1].add(line, text)
    return [block.whole() for block in blocks]


def _is_whole(text: str) -> bool:
    return "\n" in text or "\r" in text or (text[:1] == "{" and text[-1:] == "}")


def _is_error(text: str) -> bool:
    return _level(text) is True


def _level(text: str) -> bool | None:
    return split_prefix(tidy(text)).is_error
