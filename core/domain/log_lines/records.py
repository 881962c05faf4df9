"""A line of a log, and the error that it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One log event. `timestamp` is in milliseconds since 1970; `text` may hold several lines."""

    id: str
    timestamp: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedError:
    """Bounded in size, but neither cleaned nor scrubbed.

    `stack` is as the runtime would have printed it, also where the line has it as JSON. `status_code` is
    that of the response, if the line tells one of 500 and above. `fields` is the rest of a structured line.
    """

    message: str
    status_code: int = 500
    stack: str | None = None
    method: str | None = None
    path: str | None = None
    environment: str | None = None
    release: str | None = None
    request_id: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """An exception as a line tells of it; `stack` begins with or holds its header."""

    type: str = ""
    message: str = ""
    stack: str | None = None

    @property
    def header(self) -> str:
        return ": ".join(part for part in (self.type, self.message) if part)
