"""Backtraces of Ruby: as the interpreter prints them, and the lists that Rails logs."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.expressions import expression
from core.domain.stacktrace.headers import guess_header, split_error_header
from core.domain.stacktrace.origin import ruby_in_app
from core.domain.stacktrace.records import ExceptionInfo, Frame
from core.domain.stacktrace.text import Draft, StackText

_TAG = expression(r"\[[0-9a-f-]{8,40}\](?: |$)")
_FROM = expression(r"(?:\d{1,6}: )?from ")
_RAILS_HEADER = expression(r"(?P<type>[A-Z]\w*(?:::\w+)*) \((?P<message>.*)$")
_CAUSES = ("Causes:", "Caused by:")


@dataclass(kw_only=True, slots=True)
class _Reader:
    """`earlier` holds the numbered frames that Ruby 2.5 to 2.7 print above the header, outermost first."""

    links: list[Draft] = field(default_factory=list)
    earlier: list[Frame] = field(default_factory=list)
    below: str = ""
    outermost_first: bool = False
    cause_follows: bool = False
    closed: bool = False

    def line(self, body: str) -> None:
        raising = _read_raising_line(body)
        if raising:
            raising.frames += reversed(self.earlier)
            self.earlier = []
            self.links.append(raising)
            return
        frame = read_frame(body)
        if frame and self.outermost_first and _FROM().match(body):
            self.earlier.append(frame)
        elif frame:
            self._frame(frame)
        elif "(most recent call last)" in body:
            self.outermost_first = True
        elif body.startswith(_CAUSES):
            self.cause_follows = True
            self.closed = False
        elif body:
            self._other(body)

    def _frame(self, frame: Frame) -> None:
        if not self.links:
            self._open(self.below, _rails_header(self.below) or guess_header(self.below))
        if not self.closed:
            self.links[-1].frames.append(frame)

    def _other(self, body: str) -> None:
        named = _rails_header(body) or split_error_header(body)
        if named and (not self.links or self.cause_follows):
            self._open(body, named)
        elif self.links and self.links[-1].frames and named:
            self.closed = True
        elif self.links and (not self.links[-1].frames or _just_raised(self.links[-1])):
            if not self.links[-1].header.endswith("):"):
                self.links[-1].add_message(body)
        elif not self.links:
            self.below = body

    def _open(self, header: str, named: tuple[str, str]) -> None:
        type_, message = named
        self.links.append(Draft(type=type_, header=header, message=[message]))
        self.cause_follows = False


def read(text: StackText) -> tuple[ExceptionInfo, ...]:
    reader = _Reader()
    for line in text.lines:
        body = line.strip()
        tag = _TAG().match(body)
        reader.line(body[tag.end() :].strip() if tag else body)
    if reader.earlier:
        reader.links.append(Draft(frames=reader.earlier[::-1]))
    return tuple(link.finish(innermost_first=True) for link in reader.links)


def read_frame(body: str) -> Frame | None:
    prefix = _FROM().match(body)
    place, has_function, quoted = (body[prefix.end() :] if prefix else body).partition(":in ")
    if has_function and quoted[:1] not in "`'":
        return None
    file, _, line = place.rpartition(":")
    if not file or not (len(line) < 10 and line.isascii() and line.isdigit()):
        return None
    if not has_function and not file.endswith((".rb", ".erb", ".haml", ".slim", ".rake", ".ru")):
        return None
    return Frame(
        raw=body,
        file=file,
        function=quoted[1:].rstrip("'") or None,
        line=int(line),
        in_app=ruby_in_app(file),
    )


def _read_raising_line(body: str) -> Draft | None:
    """`app.rb:3:in 'pay': message (Type)`: the innermost frame and the header in one."""
    end = body.find("': ", body.find(":in ") + 5) if ":in " in body else -1
    frame = read_frame(body[: end + 1]) if end > 0 else None
    if frame is None or _FROM().match(body):
        return None
    message, _, type_ = body[end + 3 :].rpartition(" (")
    if not message:
        message, type_ = body[end + 3 :], ""
    return Draft(type=type_.removesuffix(")"), header=body, message=[message], frames=[frame])


def _just_raised(draft: Draft) -> bool:
    """More of the message stands between the raising line and the first `from`."""
    return len(draft.frames) == 1 and draft.header.startswith(draft.frames[0].raw)


def _rails_header(body: str) -> tuple[str, str] | None:
    match = _RAILS_HEADER().match(body)
    if match is None:
        return None
    message = match["message"]
    return match["type"], message.removesuffix(":").removesuffix(")")
