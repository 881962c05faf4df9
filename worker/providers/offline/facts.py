"""What an event shows: its exceptions, the frame to look at first, the request."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.domain.event import EventContent
from core.domain.stacktrace import ExceptionInfo, Frame, Language, StackTrace, parse
from worker.providers.offline.prose import LONGEST_NAME, LONGEST_QUOTE, one_line, quoted

_PLAIN = re.compile(r"[\w.$/\\:@<>#~+*&(),-]{1,120}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """`guilty` is the frame to look at first; it may be library code where no frame is the user's own."""

    content: EventContent
    trace: StackTrace
    guilty: Frame | None
    deepest: Frame | None

    @property
    def own_code(self) -> bool:
        return self.guilty is not None and self.guilty.in_app

    @property
    def texts(self) -> tuple[str, ...]:
        """What rules search: the chain from its root or else the stack's start, then the message."""
        chain = tuple(f"{link.type}: {link.message}" for link in reversed(self.trace.exceptions))
        start = () if chain else (self.stack_start,)
        return (*chain, *start, self.content.message)

    @property
    def stack_start(self) -> str:
        """The stack's first line, where the parser found no exception in it."""
        lines = (self.content.stack or "").strip()[: 4 * LONGEST_QUOTE].splitlines()
        return lines[0].strip() if lines else ""

    @property
    def request(self) -> str | None:
        parts = [one_line(part, LONGEST_NAME) for part in (self.content.method, self.content.path) if part]
        return " ".join(parts) if any(parts) else None


def read_facts(content: EventContent) -> Facts:
    trace = parse(content.stack) if content.stack else StackTrace(language=Language.UNKNOWN)
    root_frames = trace.root.frames if trace.root else ()
    return Facts(
        content=content,
        trace=trace,
        guilty=_guilty_frame(trace),
        deepest=root_frames[-1] if root_frames else None,
    )


def _guilty_frame(trace: StackTrace) -> Frame | None:
    """The deepest frame of the user's own code, the root cause first; else the deepest of any."""
    from_root = tuple(reversed(trace.exceptions))
    for link in from_root:
        for frame in reversed(link.frames):
            if frame.in_app and (frame.file or frame.function):
                return frame
    return next((link.frames[-1] for link in from_root if link.frames), None)


def place_of(frame: Frame) -> str:
    """A frame for a sentence: `load_user (app/users.py, line 42)`."""
    file = _token(frame.file) if frame.file else None
    position = f"{file}, line {frame.line}" if file and frame.line is not None else file
    if not frame.function:
        return position or _token(frame.module or "an unnamed function")
    function = _token(_qualified(frame.function, frame.module))
    return f"{function} ({position})" if position else function


def _qualified(function: str, module: str | None) -> str:
    """`OrderRepository.save`: where the module is a class, its name belongs to the function's."""
    class_name = (module or "").rpartition(".")[2]
    is_class = class_name[:1].isupper() and not function.startswith(class_name)
    return f"{class_name}.{function}" if is_class else function


def name_of(link: ExceptionInfo) -> str:
    """An exception for a sentence: its type, with the message in quotes."""
    kind = _token(link.type) if link.type else "an error"
    return f"{kind} ({quoted(link.message, 160)})" if link.message.strip() else kind


def _token(text: str) -> str:
    """Bare where it looks like code, quoted where it could be read as prose."""
    return text if _PLAIN.fullmatch(text) else quoted(text, LONGEST_NAME)
