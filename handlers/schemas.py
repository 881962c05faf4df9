"""What comes in over HTTP and its answers, and what all routes share.

What a cold function's first event does not need is built when it is first used.
"""

# Without postponed annotations, as in core.settings.

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, WithJsonSchema

from core.operations.project_key import ProjectKey

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


_Time = Annotated[
    datetime,
    AfterValidator(_plausible_time),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}],
            "description": "RFC 3339 (UTC where it has no zone) or seconds since 1970; at most a day ahead",
        }
    ),
]


class EventIn(BaseModel):
    """One error. Fields that are not listed are kept under `extra`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    project_key: ProjectKey
    message: str = Field(min_length=1)
    stack: str | None = Field(default=None, description="the stack text as the runtime printed it")
    method: str | None = Field(default=None, max_length=20)
    path: str | None = Field(default=None, max_length=8_192)
    status_code: StrictInt = Field(ge=100, le=599, description="500 and above are analysed")
    timestamp: _Time
    event_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="makes sending the event again harmless"
    )
    environment: str | None = Field(default=None, max_length=200)
    release: str | None = Field(default=None, max_length=200)
    extra: dict[str, Any] = Field(default_factory=dict)


class BatchIn(BaseModel):
    """Up to 500 events. Each is judged on its own: one that is none stays what it was sent as."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    events: list[Annotated[EventIn | Any, Field(union_mode="left_to_right")]] = Field(min_length=1)


class FieldProblemOut(BaseModel):
    model_config = ConfigDict(defer_build=True)

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457, with `errors` for the fields and the request's id for the logs."""

    model_config = ConfigDict(defer_build=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldProblemOut] = []


Outcome = Literal["queued", "reused", "deferred", "not_required"]
