"""What comes in and goes out over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt

from core.domain.access import Scope
from core.domain.clean import clean_text
from core.domain.metadata import TagMerge, TagVocabulary
from core.operations.project_input import ProjectKey
from core.store.projects import Project

_CLOCK_SKEW = timedelta(days=1)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def _plausible_time(value: datetime) -> datetime:
    """To UTC; without a zone it is taken for UTC. A clock far off would put the event where nobody looks."""
    try:
        in_utc = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError as exc:
        raise ValueError("must be a time that exists in UTC") from exc
    if not _EARLIEST <= in_utc <= datetime.now(UTC) + _CLOCK_SKEW:
        raise ValueError("must lie between 1970 and a day from now")
    return in_utc


_Clean = Annotated[str, AfterValidator(clean_text)]


class EventIn(BaseModel):
    """One error. Fields that are not listed are kept under `extra`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    project_key: ProjectKey
    message: str = Field(min_length=1)
    stack: str | None = Field(default=None, description="the stack text as the runtime printed it")
    method: str | None = Field(default=None, max_length=20)
    path: str | None = Field(default=None, max_length=8_192)
    status_code: StrictInt = Field(ge=100, le=599, description="500 and above are analysed")
    timestamp: Annotated[datetime, AfterValidator(_plausible_time)]
    event_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="makes sending the event again harmless"
    )
    environment: str | None = Field(default=None, max_length=200)
    release: str | None = Field(default=None, max_length=200)
    extra: dict[str, Any] = Field(default_factory=dict)


class BatchIn(BaseModel):
    """Up to 500 events. Each is judged on its own, so they are not validated here."""

    model_config = ConfigDict(frozen=True)

    events: list[Any] = Field(min_length=1)


class BatchDocumented(BaseModel):
    """What BatchIn is for those who send it."""

    events: list[EventIn] = Field(min_length=1, max_length=500)


class FieldProblemOut(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457, with `errors` for the fields and the request's id for the logs."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldProblemOut] = []


Outcome = Literal["queued", "reused", "deferred", "not_required"]


class Ready(BaseModel):
    """`checks` has each part with `ok` and what is known of it."""

    status: Literal["ok", "unready"]
    checks: dict[str, dict[str, Any]]


class EventAccepted(BaseModel):
    """`deferred`: Redis does not answer now; the job is stored and will be sent when it does."""

    id: UUID
    group_id: UUID
    analysis: Outcome


class BatchItem(BaseModel):
    """The answer to one event of a batch, with the status that it would have had alone."""

    status: int
    id: UUID | None = None
    group_id: UUID | None = None
    analysis: Outcome | None = None
    errors: list[FieldProblemOut] = []


class BatchAccepted(BaseModel):
    accepted: int
    refused: int
    results: list[BatchItem]


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
    """`event_count` stops at 10,000. `job_state` is that of the newest analysis job."""

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
    """`project_key` None: good for every project."""

    model_config = ConfigDict(frozen=True)

    scope: Scope
    project_key: ProjectKey | None = None
    name: _Clean = Field(default="", max_length=200)


class KeyMade(BaseModel):
    id: UUID
    key: str


class KeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    scope: Scope
    project_key: str | None
    name: str
    created_at: datetime
    revoked_at: datetime | None


class ProjectOut(BaseModel):
    id: UUID
    number: int
    key: str
    title: str
    description: str
    content: str
    language: str | None
    status: str
    summary: str | None
    tags: list[str]
    category: str | None
    keywords: list[str]
    tag_vocabulary: TagVocabulary
    tag_merge: TagMerge
    output_language: str | None
    instructions: str | None
    budget_day_usd: float | None
    budget_month_usd: float | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, project: Project) -> ProjectOut:
        return cls(
            id=project.id,
            number=project.number,
            created_at=project.created_at,
            updated_at=project.updated_at,
            **asdict(project.fields),
        )


class ProjectPage(BaseModel):
    items: list[ProjectOut]
    next_cursor: str | None


class MetadataOut(BaseModel):
    """`sources` says of each field whether `people`, `model` or `both` made it."""

    model_config = ConfigDict(from_attributes=True)

    project_id: UUID
    summary: str | None
    tags: list[str]
    category: str | None
    keywords: list[str]
    language: str | None
    model: str | None
    prompt_version: str | None
    confidence: float | None
    created_at: datetime | None
    sources: dict[str, str]


class GenerationQueued(BaseModel):
    job_id: UUID
    task_id: str
    status: Literal["queued"]


class MetadataExists(BaseModel):
    """`metadata` null: it exists, and NEXT_PUBLIC_SHOW_AI_META=false hides it."""

    status: Literal["exists"]
    metadata: MetadataOut | None
