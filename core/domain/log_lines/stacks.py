"""Stacks that a structured line holds as lists and objects, put into the words that the runtime prints.

So the same exception groups the same, whether it was logged as JSON, as text, or sent over HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core.domain.log_lines.records import Raised
from core.domain.stacktrace import Language, parse
from core.domain.stacktrace.headers import split_error_header
from core.domain.stacktrace.python import TRACEBACK

_MOST_FRAMES = 1_000
_PYTHON_FRAME = re.compile(r'\s*File "')
_RUBY_FRAME = re.compile(r"[^\s:][^:]{0,1000}:\d{1,9}:in [`']")
_JAVA_PLACE = re.compile(
    r"[\w.$/<>]{1,500}\([\w$.]{1,200}(?::\d{1,9})?\)$|[\w.$/<>]{1,500}\((?:Native|Unknown) \w+\)$"
)
_RUBY_TYPE = re.compile(r"(?:Function|Runtime|Init)<([\w:]{1,200})>$")
_NO_TYPES = frozenset(
    {"errorString", "wrapError", "joinError", "fundamental", "withStack", "withMessage", "string", "object"}
)
"""What Go and Node name as the type of an error that has none of its own."""
_PYTHON_CAUSE = "\n\nThe above exception was the direct cause of the following exception:\n\n"

_FILE = ("file", "fileName", "filename", "path")
_LINE = ("line", "lineNumber", "lineno", "line_number")
_FUNCTION = ("method", "methodName", "function", "func", "label", "name")
_CLASS = ("class", "className", "declaringClass")
_SOURCE = ("statement", "code", "line")


def plain_type(type_: str) -> str:
    """`Function<TypeError>`, as Lambda's Ruby wraps it, without the wrapping. "" for what is no type."""
    wrapped = _RUBY_TYPE.match(type_)
    if wrapped:
        return wrapped[1]
    return "" if type_ in _NO_TYPES else type_


def stack_text(stack: object, raised: Raised) -> str | None:
    """The text of `stack` under the header of `raised`, unless it has one. None: there is no stack in it."""
    if isinstance(stack, str):
        return _of_lines(stack.split("\n"), raised) if stack.strip() else None
    if isinstance(stack, Mapping):
        stack = stack.get("frames")
    if not isinstance(stack, list) or not stack:
        return None
    if all(isinstance(item, str) for item in stack):
        return _of_lines([line for item in stack[:_MOST_FRAMES] for line in item.split("\n")], raised)
    frames = [item for item in stack[:_MOST_FRAMES] if isinstance(item, Mapping)]
    return _of_frames(frames, raised) if frames else None


def with_cause(text: str, cause: str) -> str:
    """Both, as the runtime that printed them joins them."""
    language = parse(text).language
    if language is Language.PYTHON:
        return cause + _PYTHON_CAUSE + text
    if language is Language.CSHARP:
        header, _, frames = text.partition("\n")
        return f"{header}\n ---> {cause}\n   --- End of inner exception stack trace ---\n{frames}"
    mark = "[cause]: " if language is Language.JAVASCRIPT else "Caused by: "
    return f"{text}\n{mark}{cause}"


def _of_lines(lines: list[str], raised: Raised) -> str | None:
    lines = [line.rstrip() for line in lines]
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        return None
    text = "\n".join(lines).strip("\n")
    if TRACEBACK in text:
        return text if _ends_with_header(text) else f"{text}\n{raised.header}"
    if _PYTHON_FRAME.match(first):
        return f"{TRACEBACK}\n{text}\n{raised.header}"
    if _RUBY_FRAME.match(first) and "': " not in first:
        return _ruby(lines, raised)
    if _JAVA_PLACE.match(first):
        return "\n".join([raised.header, *(f"\tat {line.strip()}" for line in lines if line)])
    return text if _is_header(first, raised) else f"{raised.header}\n{text}"


def _is_header(line: str, raised: Raised) -> bool:
    if line.lstrip().startswith("at ") or not raised.header:
        return not raised.header
    return bool(raised.type and raised.type in line) or split_error_header(line.strip()) is not None


def _ends_with_header(text: str) -> bool:
    trace = parse(text)
    return bool(trace.outermost and trace.outermost.header)


def _ruby(lines: Sequence[str], raised: Raised) -> str:
    """`app.rb:5:in 'pay': message (Type)`, then `from` and the callers."""
    first, *callers = [line.strip() for line in lines if line.strip()]
    said = f"{raised.message} ({raised.type})" if raised.type else raised.message
    return "\n".join([f"{first}: {said}", *(f"\tfrom {line}" for line in callers)])


def _of_frames(frames: Sequence[Mapping[str, object]], raised: Raised) -> str:
    first = frames[0]
    file = _text(first, _FILE)
    if any(name in first for name in _CLASS):
        return "\n".join([raised.header, *map(_java_frame, frames)])
    if file.endswith((".go", ".s")):
        blocks = [f"{_go_call(frame)}\n\t{_text(frame, _FILE)}:{_text(frame, _LINE)}" for frame in frames]
        return "\n".join([f"panic: {raised.message}", "", "goroutine 1 [running]:", *blocks])
    if file.endswith((".py", ">")) or "statement" in first:
        return "\n".join([TRACEBACK, *map(_python_frame, frames), raised.header])
    return "\n".join([raised.header, *map(_javascript_frame, frames)])


def _java_frame(frame: Mapping[str, object]) -> str:
    file, line = _text(frame, _FILE), _text(frame, _LINE)
    place = file + (f":{line}" if line.isdigit() else "") if file else "Unknown Source"
    return f"\tat {_text(frame, _CLASS)}.{_text(frame, _FUNCTION)}({place})"


def _go_call(frame: Mapping[str, object]) -> str:
    """Lambda's Go leaves the package to the path: `shop/cart/add.go` and `Cart.Add`."""
    package = _text(frame, _FILE).rpartition("/")[0]
    return f"{package}.{_text(frame, _FUNCTION)}(...)" if package else f"{_text(frame, _FUNCTION)}(...)"


def _python_frame(frame: Mapping[str, object]) -> str:
    place = f'  File "{_text(frame, _FILE)}", line {_text(frame, _LINE[1:]) or _text(frame, _LINE) or 0}'
    source = next((frame[name] for name in _SOURCE if isinstance(frame.get(name), str)), "")
    line = f"{place}, in {_text(frame, _FUNCTION) or '<module>'}"
    return f"{line}\n    {source}" if source else line


def _javascript_frame(frame: Mapping[str, object]) -> str:
    return (
        f"    at {_text(frame, _FUNCTION) or '<anonymous>'} ({_text(frame, _FILE)}:{_text(frame, _LINE)}:1)"
    )


def _text(frame: Mapping[str, object], names: Sequence[str]) -> str:
    value = next((frame[name] for name in names if frame.get(name) is not None), "")
    return str(value).strip() if isinstance(value, str | int) else ""
