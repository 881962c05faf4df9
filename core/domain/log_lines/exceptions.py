"""The exception that a structured line holds, by the names that runtimes and loggers give to its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.domain.log_lines.records import Raised
from core.domain.log_lines.stacks import plain_type, stack_text, with_cause
from core.domain.stacktrace import parse

_MOST_CAUSES = 8
_OBJECTS = ("err", "error", "exception", "throwable", "thrown", "exc", "message")
"""pino and bunyan; Powertools for TypeScript; Powertools for .NET; Log4j; Lambda's Node."""
_STACKS = (
    "exception",
    "stack_trace",
    "stackTrace",
    "stacktrace",
    "stack",
    "exc_info",
    "exc_text",
    "traceback",
    "backtrace",
    "error.stack_trace",
    "error.stack",
    "exception.stacktrace",
    "errorVerbose",
    "Exception",
    "@x",
)
_TYPES = ("errorType", "exception_name", "error.type", "exception.type", "error.kind", "exception_class")
_MESSAGES = ("errorMessage", "error.message", "exception.message", "exception_message")
_ERRORS = ("error", "err")
"""What zap, zerolog and logrus say beside a stack that has no header."""

_OWN_TYPES = ("errorType", "type", "name", "exc_type", "class", "className", "kind")
_OWN_MESSAGES = ("errorMessage", "message", "msg", "value", "exc_value", "localizedMessage")
_OWN_STACKS = (
    "stackTrace",
    "stack",
    "stack_trace",
    "stacktrace",
    "extendedStackTrace",
    "backtrace",
    "frames",
)
_CAUSES = ("cause", "inner_exception", "innerException", "InnerException")

NAMES = frozenset({*_OBJECTS, *_STACKS, *_TYPES, *_MESSAGES}) - {"message"} | {"reason"}
"""What of a line is told by its exception, and so need not be kept beside it."""


def find(record: Mapping[str, object]) -> Raised | None:
    """The one that tells the most: one with a stack before one without.

    Node's unhandled rejection has a stack of the runtime's; what was rejected is its reason.
    """
    reason = record.get("reason")
    rejected = _of_object(reason) if isinstance(reason, Mapping) else None
    found = [raised for raised in (rejected, _of_record(record), *_of_objects(record)) if raised is not None]
    return next((raised for raised in found if raised.stack), found[0] if found else None)


def _of_record(record: Mapping[str, object]) -> Raised | None:
    """The line is itself the exception, as Lambda's runtimes write it, or has its parts beside each other."""
    told = Raised(type=plain_type(_text(record, _TYPES)), message=_text(record, _MESSAGES + _ERRORS))
    for name in _STACKS:
        value = record.get(name)
        if name == "exception" and isinstance(value, list):
            return _of_chain(value)
        if isinstance(value, str) and "\n" not in value:
            # `exception` may be a mere word; a stack has lines.
            continue
        stack = None if isinstance(value, Mapping) and "frames" not in value else stack_text(value, told)
        if stack:
            return _with_stack(told, stack)
    return told if (told.type or "errorType" in record) and told.message else None


def _with_stack(told: Raised, stack: str) -> Raised:
    if told.type:
        return Raised(type=told.type, message=told.message, stack=stack)
    outermost = parse(stack).outermost
    if outermost is None:
        return Raised(message=told.message, stack=stack)
    return Raised(type=outermost.type, message=told.message or outermost.message, stack=stack)


def _of_objects(record: Mapping[str, object]) -> list[Raised | None]:
    objects = [record.get(name) for name in _OBJECTS]
    return [_of_object(value) for value in objects if isinstance(value, Mapping)]


def _of_object(value: Mapping[str, object], depth: int = 0) -> Raised | None:
    """None for an object that is no exception, such as the answer of an API."""
    told = Raised(type=plain_type(_text(value, _OWN_TYPES)), message=_text(value, _OWN_MESSAGES))
    reason = value.get("reason")
    if isinstance(reason, Mapping) and depth < _MOST_CAUSES:
        return _of_object(reason, depth + 1) or told
    stack = next((text for name in _OWN_STACKS if (text := stack_text(value.get(name), told))), None)
    if stack is None:
        return told if told.type and told.message else None
    cause = next((item for name in _CAUSES if isinstance(item := value.get(name), Mapping)), None)
    inner = _of_object(cause, depth + 1) if cause is not None and depth < _MOST_CAUSES else None
    if inner is not None:
        stack = with_cause(stack, inner.stack or inner.header)
    return _with_stack(told, stack)


def _of_chain(items: Sequence[object]) -> Raised | None:
    """structlog's dictionaries: what was raised last comes first, its causes behind it."""
    chain = [item for item in items if isinstance(item, Mapping)]
    raised: Raised | None = None
    for item in reversed(chain[:_MOST_CAUSES]):
        outer = _of_object(item)
        if outer is not None and outer.stack and raised is not None and raised.stack:
            outer = Raised(
                type=outer.type, message=outer.message, stack=with_cause(outer.stack, raised.stack)
            )
        raised = outer or raised
    return raised


def _text(value: Mapping[str, object], names: Sequence[str]) -> str:
    found = next((value[name] for name in names if isinstance(value.get(name), str)), "")
    return found if isinstance(found, str) else ""
