"""What comes in and goes out over HTTP: jobs, usage and keys."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from core.domain.access import Scope
from core.domain.clean import clean_text
from core.domain.scrub import scrub_text
from core.operations.project_input import IngestRate
from core.operations.project_key import ProjectKey

_Clean = Annotated[str, AfterValidator(lambda text: scrub_text(clean_text(text)))]


class JobOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    subject_id: UUID
    project_key: str
    version: str
    state: str
    reason: str | None
    attempts: int
    due_at: datetime
    lease_until: datetime | None
    claimed_by: str | None
    last_error: str | None
    request_id: str | None
    created_at: datetime
    finished_at: datetime | None


class JobPage(BaseModel):
    items: list[JobOut]
    next_cursor: str | None


class Retried(BaseModel):
    queued: int


class UsageRowOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    day: date
    project_key: str | None
    provider: str
    model: str
    calls: int
    failed_calls: int
    unpriced_calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float


class UsageOut(BaseModel):
    since: date
    until: date
    total_usd: float
    rows: list[UsageRowOut]


class KeyIn(BaseModel):
    """`project_key` None: good for every project. `expires_at` None: until it is revoked."""

    model_config = ConfigDict(frozen=True)

    scope: Scope
    project_key: ProjectKey | None = None
    name: _Clean = Field(default="", max_length=200)
    ingest_rate: IngestRate | None = None
    expires_at: AwareDatetime | None = None


class KeyMade(BaseModel):
    id: UUID
    key: str


class KeyRotated(BaseModel):
    """`id` and `key` are the new key's."""

    id: UUID
    key: str
    old_ends_at: datetime


class KeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    scope: Scope
    project_key: str | None
    name: str
    ingest_rate: int | None
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    replaced_by: UUID | None
