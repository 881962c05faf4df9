"""One line, or several that belong together, to the error that it tells of."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.log_lines import platform, structured
from core.domain.log_lines.crash import is_crash, split_stack
from core.domain.log_lines.prefix import Prefix, split_prefix
from core.domain.log_lines.records import LoggedError
from core.domain.log_lines.text import cut_message, cut_stack, tidy

_CONTAINER = ("container_id", "container_name", "kubernetes", "stream", "ecs_cluster", "source")
"""Beside `log`, these tell that FireLens or Fluent Bit has wrapped a container's line."""


def read(text: str, *, source: str) -> LoggedError | None:
    """None: no error. Never raises, and reads any text in linear time.

    `source` names the program: it tells failures apart that Lambda words the same for every function.
    """
    text = platform.without_warning(tidy(text))
    if not text or platform.is_noise(text):
        return None
    record = structured.load(text)
    if record is None:
        return platform.read_text(text, source=source) or _read_plain(text)
    if platform.is_record(record):
        return platform.read_record(record, source=source)
    wrapped = _wrapped(record)
    return structured.read(record) if wrapped is None else _read_wrapped(wrapped)


def _wrapped(record: Mapping[str, object]) -> str | None:
    line = record.get("log")
    return line if isinstance(line, str) and any(name in record for name in _CONTAINER) else None


def _read_wrapped(line: str) -> LoggedError | None:
    text = tidy(line)
    record = structured.load(text)
    return _read_plain(text) if record is None else structured.read(record)


def _read_plain(text: str) -> LoggedError | None:
    prefix = split_prefix(text)
    lead, record = _record_within(text, prefix)
    if record is not None:
        return structured.read(record, outer=prefix.is_error, lead=lead, request_id=prefix.request_id)
    if prefix.is_error is False or (prefix.is_error is None and not is_crash(prefix.body)):
        return None
    found = split_stack(prefix.body)
    message = cut_message(found.message)
    if not message:
        return None
    return LoggedError(
        message=message,
        stack=cut_stack(found.stack) if found.stack else None,
        request_id=prefix.request_id,
    )


def _record_within(text: str, prefix: Prefix) -> tuple[str, dict[str, object] | None]:
    """The object in a plain line, and the text before it.

    Go logs JSON behind the time, Node and zap behind a message; logfmt is pairs from the start.
    """
    if prefix.keyed:
        return prefix.body, structured.load_pairs(text)
    record = structured.load(prefix.body)
    lead, tab, tail = prefix.body.partition("\t{")
    if record is None and tab:
        return lead.strip(), structured.load("{" + tail)
    return "", record
