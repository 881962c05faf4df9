"""Lines that are JSON objects, or pairs of names and values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from core.domain.clean import clean_json
from core.domain.log_lines import exceptions, levels, request
from core.domain.log_lines.crash import is_crash, split_stack
from core.domain.log_lines.records import LoggedError, Raised
from core.domain.log_lines.text import bounded, cut_message, cut_stack, tidy
from core.domain.stacktrace import parse
from core.domain.stacktrace.python import TRACEBACK
from core.errors import InvalidInput

_DEEPEST = 100
_LONGEST_PAIRS = 16_000
_PAIR = re.compile(r'([A-Za-z_][\w.]{0,100})=("(?:[^"\\]|\\.)*+"|[^\s"]*+)')

_LEVELS = (
    "level_name", "levelname", "levelName", "log_level", "loglevel", "log.level", "LogLevel", "severity",
    "severityText", "severity_text", "level", "Level", "lvl", "@l",
)  # fmt: skip
_WITHIN = ("log", "record", "fields", "attributes", "data")
_MESSAGES = (
    "message", "msg", "event", "short_message", "@m", "RenderedMessage", "Message", "@mt", "MessageTemplate",
    "body", "Body", "textPayload", "fields.message", "error", "err", "reason",
)  # fmt: skip
_TIMES = frozenset(
    {
        "timestamp",
        "time",
        "ts",
        "@timestamp",
        "Timestamp",
        "@t",
        "asctime",
        "datetime",
        "date",
        "@version",
        "v",
    }
)
_SAID = frozenset({"message", "msg", "event"})
_WORST_GELF = 3
"""GELF counts like syslog: 3 is an error, and lower is worse."""


def load(text: str) -> dict[str, object] | None:
    """The object that the whole text is; None for all else."""
    if not text.startswith("{") or not text.endswith("}"):
        return None
    try:
        value = json.loads(text)
        # JavaScript escapes half of an emoji as readily as a whole one.
        value = clean_json(value, max_depth=_DEEPEST) if "\\ud" in text.lower() else value
    except (ValueError, RecursionError, InvalidInput):
        return None
    return value if isinstance(value, dict) else None


def load_pairs(text: str) -> dict[str, object]:
    """logfmt: `level=error msg="cannot pay" order=7`, and below it what may be a stack."""
    line, _, below = text.partition("\n")
    pairs: dict[str, object] = {
        name: _unquoted(value) for name, value in _PAIR.findall(line[:_LONGEST_PAIRS])
    }
    return {**pairs, "stack": below} if below.strip() else pairs


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')


def level(record: Mapping[str, object]) -> bool | None:
    """Whether the line says that it is an error, itself or one level down."""
    found = _own_level(record)
    if found is not None:
        return found
    within = [inner for name in _WITHIN if isinstance(inner := record.get(name), Mapping)]
    return next((verdict for inner in within if (verdict := _own_level(inner)) is not None), None)


def _own_level(record: Mapping[str, object]) -> bool | None:
    """Words count before numbers, which loggers use variously."""
    if "short_message" in record:
        number = record.get("level")
        return number <= _WORST_GELF if isinstance(number, int) else None
    values = [record[name] for name in _LEVELS if name in record]
    named = [value for value in values if isinstance(value, str | Mapping)]
    verdicts = (levels.is_error(value) for value in [*named, *values])
    return next((verdict for verdict in verdicts if verdict is not None), None)


def read(
    record: Mapping[str, object], *, outer: bool | None = None, lead: str = "", request_id: str | None = None
) -> LoggedError | None:
    """`outer` is the verdict of what stands around the object, which the object's own level overrules.

    `lead` is the text before it, for a message where the object has none.
    """
    record = _unfolded(record)
    message = record.get("message")
    own = level(message) if isinstance(message, Mapping) else None
    verdict = next((v for v in (own, level(record), outer) if v is not None), None)
    if verdict is False:
        return None
    raised = exceptions.find(record)
    if verdict is None and not (raised and _is_thrown(record, raised)):
        return None
    return _error(record, raised, lead=lead, request_id=request_id)


def _unfolded(record: Mapping[str, object]) -> Mapping[str, object]:
    """Loguru has its fields one level down, and beside them the printed text, which holds the traceback."""
    inner, text = record.get("record"), record.get("text")
    if not isinstance(inner, Mapping) or not isinstance(inner.get("message"), str):
        return record
    at = text.find(TRACEBACK) if isinstance(text, str) else -1
    return {**inner, "exception": text[at:]} if isinstance(text, str) and at >= 0 else inner


def _is_thrown(record: Mapping[str, object], raised: Raised) -> bool:
    """Without a level, only what a runtime reports, or what shows where it was raised."""
    if "errorType" in record and "errorMessage" in record:
        return True
    return raised.stack is not None and is_crash(raised.stack)


def _error(
    record: Mapping[str, object], raised: Raised | None, *, lead: str, request_id: str | None
) -> LoggedError | None:
    message, stack = _told(tidy(_said(record)), raised)
    message = cut_message(message or lead or _dumped(record))
    if not message:
        return None
    return LoggedError(
        message=message,
        stack=cut_stack(stack) if stack else None,
        status_code=request.status_code(record) or 500,
        method=request.method(record),
        path=request.path(record),
        environment=request.environment(record),
        release=request.release(record),
        request_id=request.request_id(record) or request_id,
        fields=bounded({name: value for name, value in record.items() if _is_kept(name, value, raised)}),
    )


def _told(said: str, raised: Raised | None) -> tuple[str, str | None]:
    """Message and stack. An exception without frames is still told by its header."""
    if raised is None:
        split = split_stack(said)
        return split.message, split.stack
    stack = tidy(raised.stack) if raised.stack else None
    if stack is None or not any(link.frames for link in parse(stack).exceptions):
        split = split_stack(said)
        stack = split.stack or (raised.header if raised.header not in said else None)
        said = split.message
    else:
        said = _without_stack(said, stack)
    message = said or raised.header
    return message, stack if stack != message else None


def _said(record: Mapping[str, object]) -> str:
    """What the program said of it; not what an exception said that is known anyway."""
    for name in _MESSAGES:
        value = record.get(name)
        if name == "fields.message":
            fields = record.get("fields")
            value = fields.get("message") if isinstance(fields, Mapping) else None
        if isinstance(value, Mapping) and name == "message":
            value = value.get("message", value.get("msg"))
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _without_stack(said: str, stack: str) -> str:
    """Node's console.error("failed:", error) has the error's stack in the message too."""
    lines = stack.split("\n", 2)
    at = said.find(f"\n{lines[1]}") if len(lines) > 1 and lines[1].strip() else -1
    return said[:at] if at > 0 else said


def _is_kept(name: str, value: object, raised: Raised | None) -> bool:
    if value is None or value == "" or name in _TIMES or name in _LEVELS:
        return False
    if name in _SAID:
        return not isinstance(value, str) and not (isinstance(value, Mapping) and "errorType" in value)
    return raised is None or name not in exceptions.NAMES


def _dumped(record: Mapping[str, object]) -> str:
    """What is left to tell by where nothing was said: the object in a message's place, or the fields."""
    message = record.get("message")
    kept = {name: value for name, value in record.items() if _is_kept(name, value, None)}
    kept = dict(message) if isinstance(message, Mapping) else kept
    return json.dumps(bounded(kept), ensure_ascii=False, default=str) if kept else ""
