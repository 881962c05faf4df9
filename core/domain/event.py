"""The error event as the rest of the system sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class EventContent:
    """What a client said of one error, cleaned and scrubbed: this is what is stored and shown to models."""

    message: str
    status_code: int
    stack: str | None = None
    method: str | None = None
    path: str | None = None
    environment: str | None = None
    release: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """An event read back from the store."""

    id: UUID
    project_id: UUID
    group_id: UUID
    content: EventContent
    occurred_at: datetime
    received_at: datetime


def needs_analysis(status_code: int) -> bool:
    """Client errors are kept but not analysed: only a server's own failures are worth a model call."""
    return status_code >= 500
