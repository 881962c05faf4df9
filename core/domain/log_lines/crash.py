"""Where in a plain text the message ends and a stack begins, and which stacks mean that something failed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.domain.stacktrace import ExceptionInfo, Language, StackTrace, parse
from core.domain.stacktrace.headers import names_an_error
from core.domain.stacktrace.python import TRACEBACK

_LAST_WORDS = (
    'Exception in thread "',
    "Unhandled exception. ",
    "Unhandled Exception: ",
    "PHP Fatal error: ",
    "PHP Parse error: ",
    "panic: ",
    "fatal error: ",
    "http: panic serving ",
)
"""What runtimes print of what nobody caught, be it on one line."""
_RUST = ("thread '", " panicked at ")
_RAISED_BY_RUNTIMES = frozenset({"panic", "fatal error", "Fatal error", "Parse error"})
_MONOLOG = ' {"exception":"[object]'
_PYTHON_FRAME = re.compile(r'^[ \t|+]*File "', re.MULTILINE)
_UNHANDLED = "UnhandledPromiseRejectionWarning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """`message` is what stands before the stack; without a stack, it is all."""

    message: str
    stack: str | None = None


def is_crash(text: str) -> bool:
    """Whether the text, which says nothing of a level, shows what something died of."""
    if text.startswith(_LAST_WORDS) or (text.startswith(_RUST[0]) and _RUST[1] in text[:300]):
        return True
    if "\n" not in text:
        return False
    trace = parse(text)
    outermost = trace.outermost
    if outermost is None or not _has_frames(trace):
        return False
    if trace.language is Language.PYTHON:
        return TRACEBACK in text
    type_ = outermost.type
    if type_.endswith("Warning"):
        return type_ == _UNHANDLED
    return type_ in _RAISED_BY_RUNTIMES or names_an_error(type_)


def split_stack(text: str) -> Split:
    """Of a text that tells of an error: what was said of it, and its stack."""
    if "\n" not in text:
        return Split(message=text)
    if TRACEBACK in text and _PYTHON_FRAME.search(text):
        return _split_python(text)
    trace = parse(text)
    if not _has_frames(trace):
        return Split(message=_before_traceback(text))
    start = min((at for link in trace.exceptions if (at := _start_of(link, text)) >= 0), default=-1)
    if start < 0:
        return Split(message=text.partition("\n")[0], stack=text)
    header = trace.exceptions[0].header.partition(_MONOLOG)[0]
    said = text[:start].strip()
    if not said or said.endswith(f": {trace.exceptions[0].type}"):
        # Lambda's Java says `boom: java.lang.RuntimeException` above `java.lang.RuntimeException: boom`.
        said = header.strip()
    return Split(message=said, stack=text[start:])


def _split_python(text: str) -> Split:
    """By far the most usual, so its frames are only read where nothing else tells."""
    start = text.rfind("\n", 0, text.find(TRACEBACK)) + 1
    said, stack = text[:start].strip(), text[start:]
    ends_in_frame = stack[stack.rfind("\n") + 1 :][:1].isspace()
    if said and not ends_in_frame:
        return Split(message=said, stack=stack)
    outermost = parse(stack).outermost
    header = outermost.header if outermost else ""
    if said and not header:
        # Lambda prints the header above its traceback; elsewhere, and in grouping, it comes last.
        return Split(message=said, stack=f"{stack}\n{said}")
    return Split(message=said or header or TRACEBACK, stack=stack)


def _before_traceback(text: str) -> str:
    """An exception that was raised before any code of the function ran has a traceback without frames."""
    before, mark, after = text.partition(TRACEBACK)
    return before.strip() if mark and before.strip() and not after.strip() else text


def _start_of(link: ExceptionInfo, text: str) -> int:
    """Where the line begins that names the exception, or that names it behind a mark such as `Caused by:`."""
    at = text.find(link.header) if link.header else -1
    return text.rfind("\n", 0, at) + 1 if at >= 0 else -1


def _has_frames(trace: StackTrace) -> bool:
    return any(link.frames for link in trace.exceptions)
