"""What a stack text tells of its event's fingerprint."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.stacktrace import ExceptionInfo, Frame, Language, StackTrace, parse
from core.domain.stacktrace.names import frame_key, frame_name
from core.domain.templates import normalise_message

_MAX_FRAMES = 20
_MAX_LINKS = 8

# What Go and PHP call an error that has no type of its own, and a stack that names none.
_TYPES_THAT_TELL_NOTHING = frozenset(
    {"", "panic", "error", "fatal error", "Fatal error", "Parse error", "Warning", "Notice", "Deprecated"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StackReading:
    """None, among `parts` and for `said`, stands for the event's own message.

    `parts` tell one error from another; without frames only along with the event's request. `type` and
    `said` are the root cause's, `place` is the application's function nearest to it.
    """

    has_frames: bool = False
    parts: tuple[str | None, ...] = ()
    type: str = ""
    said: str | None = ""
    place: str = ""

    @property
    def tells_all(self) -> bool:
        """Whether nothing else of the event takes part."""
        return self.has_frames and self.said is not None and None not in self.parts

    @property
    def characters(self) -> int:
        texts = (*self.parts, self.type, self.said, self.place)
        return sum(len(text) for text in texts if text)


def read_stack(stack: str) -> StackReading:
    return reading_of(parse(stack))


def reading_of(trace: StackTrace) -> StackReading:
    if not any(link.frames for link in trace.exceptions):
        return StackReading(parts=tuple(_header_parts(trace)))
    root = trace.exceptions[-1]
    return StackReading(
        has_frames=True,
        parts=tuple(_stack_parts(trace)),
        type=root.type,
        said=root.message or ("" if root.type else None),
        place=frame_name(trace.language, _place(trace)),
    )


def _links(trace: StackTrace) -> list[ExceptionInfo]:
    """The whole chain, or both ends of one too long to tell by: retries wrap an error again and again."""
    links = list(trace.exceptions)
    return links if len(links) <= _MAX_LINKS else [links[0], *links[1 - _MAX_LINKS :]]


def _header_parts(trace: StackTrace) -> list[str]:
    return [part for link in _links(trace) for part in (link.type, normalise_message(link.message))]


def _stack_parts(trace: StackTrace) -> list[str | None]:
    """A message is left out where there is a type to tell one error from another."""
    links = _links(trace)
    in_app_only = any(frame.in_app for link in links for frame in link.frames)
    parts: list[str | None] = ["stack", trace.language.value]
    for link in links:
        parts.append(link.type)
        if link.type in _TYPES_THAT_TELL_NOTHING:
            parts.append(normalise_message(link.message) if link.message else None)
        parts += _frame_keys(trace.language, link, in_app_only=in_app_only)
    return parts


def _frame_keys(language: Language, link: ExceptionInfo, *, in_app_only: bool) -> list[str]:
    """The last frames, each function once: the depth of a recursion is chance."""
    frames = [frame for frame in link.frames if frame.in_app or not in_app_only]
    calls = {(frame.module or frame.file, frame.function): frame for frame in frames}
    keys = dict.fromkeys(frame_key(language, frame) for frame in list(calls.values())[-_MAX_FRAMES:])
    return list(keys)


def _place(trace: StackTrace) -> Frame:
    innermost_first = [frame for link in reversed(trace.exceptions) for frame in reversed(link.frames)]
    return next((frame for frame in innermost_first if frame.in_app), innermost_first[0])
