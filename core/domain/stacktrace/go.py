"""Panics of Go, and errors printed with their stacks by pkg/errors and its likes."""

from __future__ import annotations

from core.domain.stacktrace.origin import go_in_app
from core.domain.stacktrace.records import ExceptionInfo, Frame
from core.domain.stacktrace.text import Draft, StackText

_PANIC = "panic: "
_FATAL = "fatal error: "
_HTTP_PANIC = "panic serving "
_MAX_MESSAGE_ABOVE = 10


def read(text: StackText) -> tuple[ExceptionInfo, ...]:
    goroutine = next((i for i, line in enumerate(text.lines) if line.startswith("goroutine ")), None)
    if goroutine is None and not any(line.startswith(_PANIC) for line in text.lines):
        return _read_errors(text)
    return _read_panic(text, len(text.lines) if goroutine is None else goroutine)


def _read_panic(text: StackText, goroutine: int) -> tuple[ExceptionInfo, ...]:
    """Only the first goroutine's stack is the panic's: the others just happened to run."""
    frames: list[Frame] = []
    at = goroutine + 1
    while at < len(text.lines) and not text.lines[at].startswith("goroutine "):
        frame = _frame_at(text, at)
        if frame:
            frames.append(frame)
        at += 1 if frame is None else 2
    panicked = max((i for i, frame in enumerate(frames) if frame.function == "panic"), default=None)
    links = _panics(text.lines[:goroutine])
    if not links:
        links = [_unnamed(text.lines[:goroutine], panicked=panicked is not None)]
    # Frames printed above the last `panic` are deferred calls, which ran after what went wrong.
    links[0].frames = frames[panicked or 0 :]
    return tuple(link.finish(innermost_first=True) for link in reversed(links))


def _panics(lines: tuple[str, ...]) -> list[Draft]:
    """The panics in the order they happened: each but the first came out of a deferred call."""
    links: list[Draft] = []
    reading = False
    for line in lines:
        body = line.strip()
        named = _panic_header(body)
        if named:
            type_, message = named
            # A recovered panic that is raised again says the same twice.
            if not any(message == link.message[0] for link in links):
                links.append(Draft(type=type_, header=body, message=[message]))
            reading = True
        elif not body or body.startswith("[signal "):
            reading = False
        elif reading:
            links[-1].add_message(body)
    return links


def _panic_header(body: str) -> tuple[str, str] | None:
    if body.startswith(_FATAL):
        return "fatal error", body.removeprefix(_FATAL)
    if body.startswith(_PANIC):
        return "panic", body.removeprefix(_PANIC).partition(" [recovered")[0]
    if _HTTP_PANIC in body:
        return "panic", body.partition(_HTTP_PANIC)[2].partition(": ")[2]
    return None


def _unnamed(lines: tuple[str, ...], *, panicked: bool) -> Draft:
    above = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return Draft(type="panic" if panicked else "", header=above, message=[above])


def _read_errors(text: StackText) -> tuple[ExceptionInfo, ...]:
    """`%+v` of pkg/errors: message and stack of the root cause, then of each error wrapped around it."""
    links: list[Draft] = []
    above: list[str] = []
    draft: Draft | None = None
    at = 0
    while at < len(text.lines):
        frame = _frame_at(text, at)
        if frame is None:
            above = _with_line(above, text.lines[at].strip())
            draft = None
            at += 1
            continue
        if draft is None:
            header = above[0] if above else ""
            draft = Draft(type="error" if above else "", header=header, message=above)
            links.append(draft)
            above = []
        draft.frames.append(frame)
        at += 2
    return tuple(link.finish(innermost_first=True) for link in reversed(links))


def _with_line(above: list[str], line: str) -> list[str]:
    return [*above, line][-_MAX_MESSAGE_ABOVE:] if line else []


def _frame_at(text: StackText, at: int) -> Frame | None:
    """A call and, on the next line, further in, its place."""
    if at + 1 >= len(text.lines) or not text.lines[at + 1][:1].isspace():
        return None
    call = text.lines[at].strip()
    place = read_place(text.lines[at + 1])
    if place is None or not call:
        return None
    file, line = place
    package, function = _package_and_function(call)
    return Frame(
        raw=text.quote(at, at + 1),
        file=file,
        function=function,
        module=package or None,
        line=line,
        in_app=function != "panic" and go_in_app(package, file),
    )


def read_place(line: str) -> tuple[str, int] | None:
    """`/app/main.go:12 +0x1d`"""
    file, colon, number = line.strip().partition(" +0x")[0].rpartition(":")
    if not colon or not file.endswith((".go", ".s", ".c")) or not (number.isascii() and number.isdigit()):
        return None
    return (file, int(number)) if len(number) < 10 else None


def _package_and_function(call: str) -> tuple[str, str]:
    name = call.removeprefix("created by ").partition(" in goroutine ")[0]
    if name.endswith(")"):
        name = name[: name.rfind("(")]
    dot = name.find(".", name.rfind("/", 0, name.find("[") if "[" in name else len(name)) + 1)
    return (name[:dot], name[dot + 1 :]) if dot > 0 else ("", name)
