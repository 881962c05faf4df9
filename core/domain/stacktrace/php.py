"""Stacks of PHP: the engine's own, `(string) $exception`, and Monolog's as Laravel and Symfony write it."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.expressions import expression
from core.domain.stacktrace.headers import split_error_header, split_header
from core.domain.stacktrace.origin import php_in_app
from core.domain.stacktrace.records import ExceptionInfo, Frame
from core.domain.stacktrace.text import MAX_MESSAGE_LINES, MAX_QUOTE, StackText

_CALL = expression(r"#\d{1,6} (?:(?P<file>.*?)\((?P<line>\d{1,9})\): |\[internal function\]: )?(?P<call>.*)$")
_PLAIN_ERROR = expression(
    r"(?:PHP )?(?P<type>(?:Fatal|Parse|Core|Compile|Recoverable fatal) error|Warning|Notice|Deprecated): +"
)
_OBJECT = "[object] ("
_UNCAUGHT = "Uncaught "
_TRACE_MARKS = ("Stack trace:", "[stacktrace]")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    """`file` and `line` are where the call is made, `callee` is what is called there."""

    raw: str
    callee: str
    file: str | None = None
    line: int | None = None


@dataclass(kw_only=True, slots=True)
class _Link:
    """`label` is the error level of a plain error, which has no exception's type."""

    header: str = ""
    label: str = ""
    object_form: bool = False
    text: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    in_trace: bool = False


def read(text: StackText) -> tuple[ExceptionInfo, ...]:
    links: list[_Link] = []
    for line in text.lines:
        body = line.strip()
        opened = _open(body, first=not links)
        call = None if opened else _read_call(body)
        if opened:
            links.append(opened)
        elif call:
            if not links:
                links.append(_Link())
            links[-1].calls.append(call)
            links[-1].in_trace = True
        elif links and body.startswith(_TRACE_MARKS):
            links[-1].in_trace = True
        elif links and not links[-1].in_trace and len(links[-1].text) < MAX_MESSAGE_LINES:
            links[-1].text.append(body)
    if not any(link.object_form for link in links):
        # PHP itself prints the root cause first and each wrapping exception after `Next`.
        links.reverse()
    return tuple(_finish(link) for link in links)


def _open(body: str, *, first: bool) -> _Link | None:
    if _OBJECT in body:
        return _Link(header=body, object_form=True, text=[body.partition(_OBJECT)[2]])
    uncaught = body.find(_UNCAUGHT)
    if first and uncaught >= 0:
        return _Link(header=body, text=[body[uncaught + len(_UNCAUGHT) :]])
    if not first and body.startswith("Next "):
        return _Link(header=body, text=[body.removeprefix("Next ")])
    plain = _PLAIN_ERROR().search(body) if first else None
    if plain:
        return _Link(header=body, label=plain["type"], text=[body[plain.end() :]])
    if first and split_error_header(body):
        return _Link(header=body, text=[body])
    return None


def _read_call(body: str) -> _Call | None:
    match = _CALL().match(body) if body.startswith("#") else None
    if match is None:
        return None
    call = match["call"]
    # PHP 8.4 names a closure by its place: `{closure:App\Cart::add():12}`.
    arguments = call.find(
        "(", call.find("}") + 1 if call.startswith("{closure") or "->{closure" in call else 0
    )
    return _Call(
        raw=body,
        callee=(call[:arguments] if arguments > 0 else call).replace("\\\\", "\\"),
        file=match["file"],
        line=int(match["line"]) if match["line"] else None,
    )


def _finish(link: _Link) -> ExceptionInfo:
    text, place = _cut_place(link)
    type_, message = (link.label, text) if link.label else _type_and_message(link, text)
    return ExceptionInfo(
        type=type_.replace("\\\\", "\\"),
        message=message.strip()[:MAX_QUOTE],
        header=link.header,
        frames=tuple(reversed(_frames(link.calls, place))),
    )


def _type_and_message(link: _Link, text: str) -> tuple[str, str]:
    if link.object_form:
        type_, has_code, rest = text.partition("(code: ")
        return (type_, rest.partition("): ")[2]) if has_code else (split_header(text) or ("", text))
    return split_header(text) or ("", text)


def _cut_place(link: _Link) -> tuple[str, _Call | None]:
    """The text without ` in FILE:LINE` (or ` at`, or ` on line N`), and that place."""
    text = "\n".join(link.text)
    if link.object_form:
        text = text.rstrip('"} \n[]').removesuffix(")")
    message, found, raw = text.rpartition(" at " if link.object_form else " in ")
    file, _, line = raw.replace(" on line ", ":").rpartition(":")
    if not (found and file and len(line) < 10 and line.isascii() and line.isdigit()) or "\n" in raw:
        return text, None
    return message, _Call(raw=raw, callee="", file=file, line=int(line))


def _frames(calls: list[_Call], place: _Call | None) -> list[Frame]:
    """Innermost first. A line of the trace names what was called there, so the function that a place lies
    in stands on the line below it."""
    internal = bool(place and calls and (calls[0].file, calls[0].line) == (place.file, place.line))
    # An exception out of an internal function, such as PDO's constructor, has its first call for a place.
    sites = calls if place is None or internal else [place, *calls]
    callees = [call.callee for call in (calls if len(sites) > len(calls) else calls[1:])]
    return [
        Frame(
            raw=site.raw,
            file=site.file,
            function=callees[index] if index < len(callees) else None,
            line=site.line,
            in_app=php_in_app(site.file),
        )
        for index, site in enumerate(sites)
        if site.callee != "{main}"
    ]
