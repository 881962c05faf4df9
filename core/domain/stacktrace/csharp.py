"""Stacks of .NET."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.expressions import expression
from core.domain.stacktrace.headers import guess_header, split_error_header
from core.domain.stacktrace.origin import csharp_in_app
from core.domain.stacktrace.records import ExceptionInfo, Frame
from core.domain.stacktrace.text import Draft, StackText

_BRACKETED = expression(r"\[[^\[\]]*\]")
_COMPILED_NAME = expression(r"<(\w+)>")
_UNHANDLED = ("Unhandled exception. ", "Unhandled Exception: ")


@dataclass(kw_only=True, slots=True)
class _Reader:
    """.NET names the exceptions from the outside in, then prints their frames from the inside out.

    `open` is the exception whose frames are being read: the innermost at first.
    """

    links: list[Draft] = field(default_factory=list)
    open: int = 0
    below: str = ""

    def frame(self, frame: Frame) -> None:
        if not self.links:
            self._add(self.below, guess_header(self.below))
        self.links[self.open].frames.append(frame)

    def inner(self, header: str) -> None:
        self._add(header, guess_header(header.removeprefix("---> ")))

    def end_of_inner(self) -> None:
        self.open = max(0, self.open - 1)

    def other(self, body: str) -> None:
        if not self.links:
            self._first(body)
        elif not self.links[self.open].frames and self.open == len(self.links) - 1:
            self.links[self.open].add_message(body)

    def _first(self, body: str) -> None:
        outer, *inner = body.split(" ---> ")
        bare = outer
        for prefix in _UNHANDLED:
            bare = bare.removeprefix(prefix)
        named = split_error_header(bare)
        if named:
            self._add(body, named)
            for header in inner:
                self.inner(header)
        else:
            self.below = body

    def _add(self, header: str, named: tuple[str, str]) -> None:
        type_, message = named
        self.links.append(Draft(type=type_, header=header, message=[message]))
        self.open = len(self.links) - 1


def read(text: StackText) -> tuple[ExceptionInfo, ...]:
    reader = _Reader()
    for line in text.lines:
        body = line.strip()
        frame = read_frame(body)
        if frame is not None:
            reader.frame(frame)
        elif body.startswith("---> (Inner Exception #"):
            # An AggregateException lists all members again behind its own frames; the first is known by now.
            break
        elif body.startswith("---> "):
            reader.inner(body)
        elif body.startswith("--- End of inner exception"):
            reader.end_of_inner()
        elif body and not body.startswith("--- End of"):
            reader.other(body)
    return tuple(link.finish(innermost_first=True) for link in reader.links)


def read_frame(body: str) -> Frame | None:
    if not body.startswith("at "):
        return None
    name, opening, rest = body[3:].partition("(")
    # Mono leaves a space before the bracket.
    name = name.removesuffix(" ")
    if not (opening and ")" in rest and name) or " " in name.partition("[")[0]:
        return None
    module, function = _type_and_method(name)
    file, line = _place(rest)
    return Frame(
        raw=body,
        file=file,
        function=function,
        module=module or None,
        line=line,
        in_app=csharp_in_app(name),
    )


def _place(rest: str) -> tuple[str | None, int | None]:
    """`) in C:\\src\\Cart.cs:line 42`, or Mono's `) [0x00000] in /src/Cart.cs:42`."""
    place = rest.partition(") in ")[2] or rest.partition("] in ")[2]
    file, _, line = place.replace(":line ", ":").rpartition(":")
    if not file or file.startswith("<") or not (len(line) < 10 and line.isascii() and line.isdigit()):
        return None, None
    return file, int(line)


def _type_and_method(name: str) -> tuple[str, str]:
    """Names as in the source: `Shop.Cart.<AddAsync>d__5.MoveNext` is Shop.Cart and AddAsync."""
    for _ in range(2):
        if "[" in name:
            name = _BRACKETED().sub("", name)
    written = _COMPILED_NAME().search(name)
    if written:
        return name.partition("<")[0].rstrip(".+"), written[1]
    module, _, method = name.rpartition(".")
    return (module[:-1], "." + method) if module.endswith(".") else (module, method)
