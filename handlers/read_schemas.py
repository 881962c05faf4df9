"""What is read over HTTP: events, groups and their analyses.

Apart from what comes in, since a function that has just started is most often sent an event.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Ready(BaseModel):
    """`checks` has each part with `ok` and what is known of it."""

    status: Literal["ok", "unready"]
    checks: dict[str, dict[str, Any]]


class AnalysisOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    analysis_text: str
    model: str
    confidence: float
    detail: dict[str, Any]
    prompt_version: str
    reused_from: UUID | None
    created_at: datetime


class EventOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_key: str
    group_id: UUID
    status_code: int
    payload: dict[str, Any]
    occurred_at: datetime
    received_at: datetime
    analysis: AnalysisOut | None


class EventPage(BaseModel):
    items: list[EventOut]
    next_cursor: str | None


class GroupOut(BaseModel):
    """`event_count` stops at 1,000. `job_state` is that of the newest analysis job."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_key: str
    title: str
    status: str
    fingerprint: str
    fingerprint_version: int
    first_seen: datetime
    last_seen: datetime | None
    event_count: int
    job_state: str | None
    job_reason: str | None
    analysis: AnalysisOut | None


class GroupPage(BaseModel):
    items: list[GroupOut]
    next_cursor: str | None


class JobAccepted(BaseModel):
    job_id: UUID
    state: str
