"""What the Lambda platform itself writes into a function's log, as text and as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.domain.log_lines.records import LoggedError

_NO_ERROR = re.compile(
    r"(?:START|END|REPORT) RequestId: |(?:INIT|RESTORE)_(?:START|REPORT)\b|XRAY TraceId: "
    r"|(?:EXTENSION|TELEMETRY|LOGS)\tName: "
)
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIMED_OUT = re.compile(
    rf"(?:\S{{1,40}} )?(?P<id>{_UUID}) (?P<what>Task timed out after [\d.]{{1,12}} seconds)$"
)
_EXITED = re.compile(
    rf"(?:\S{{1,40}} )?RequestId: (?P<id>{_UUID}) "
    r"(?:Error: (?P<what>[^\n]{1,1000})(?:\n(?P<type>[\w.]{1,100}))?"
    r"|(?P<gone>Process exited before completing request))$"
)
_WARNING = "LAMBDA_WARNING: "

_LONGEST_MS = 10_000_000
_TYPES = frozenset({"platform.report", "platform.runtimeDone"})
_FAILED = frozenset({"error", "timeout"})
"""A record of status `failure` is about what the function threw, and that has a line of its own."""


def is_noise(text: str) -> bool:
    return _NO_ERROR.match(text) is not None


def without_warning(text: str) -> str:
    """Lambda puts a long advice before errors at a start, sometimes in the same event."""
    return text.partition("\n")[2] if text.startswith(_WARNING) else text


def read_text(text: str, *, source: str) -> LoggedError | None:
    timed_out = _TIMED_OUT.match(text)
    if timed_out:
        return _error(timed_out["what"], source, request_id=timed_out["id"])
    exited = _EXITED.match(text)
    if exited is None:
        return None
    what = exited["what"] or exited["gone"]
    return _error(_with_type(what, exited["type"]), source, request_id=exited["id"])


def is_record(record: Mapping[str, object]) -> bool:
    type_ = record.get("type")
    return (
        isinstance(type_, str) and type_.startswith("platform.") and isinstance(record.get("record"), Mapping)
    )


def read_record(record: Mapping[str, object], *, source: str) -> LoggedError | None:
    body = record["record"]
    if record["type"] not in _TYPES or not isinstance(body, Mapping):
        return None
    status, request_id = body.get("status"), body.get("requestId")
    if not isinstance(status, str) or status not in _FAILED:
        return None
    return _error(
        _what(body),
        source,
        request_id=request_id if isinstance(request_id, str) else None,
        fields={"type": record["type"], **body},
    )


def _what(body: Mapping[str, object]) -> str:
    """In the words of the text format, so that the format does not part an error into two."""
    metrics = body.get("metrics")
    metrics = metrics if isinstance(metrics, Mapping) else {}
    if body["status"] == "timeout":
        duration = metrics.get("durationMs")
        if isinstance(duration, int | float) and 0 <= duration <= _LONGEST_MS:
            return f"Task timed out after {duration / 1000:.2f} seconds"
        return "Task timed out"
    type_ = body.get("errorType")
    size, used = metrics.get("memorySizeMB"), metrics.get("maxMemoryUsedMB")
    if isinstance(size, int) and isinstance(used, int) and used >= size:
        return _with_type("Runtime exited: it had used all of its memory", type_)
    return _with_type("Runtime exited", type_)


def _with_type(what: str, type_: object) -> str:
    return f"{what} ({type_})" if isinstance(type_, str) and type_ else what


def _error(
    what: str, source: str, *, request_id: str | None, fields: Mapping[str, object] | None = None
) -> LoggedError:
    """The platform's words are the same for every function: its name makes them its own."""
    return LoggedError(message=f"{source}: {what}", request_id=request_id, fields=fields or {})
