"""What /docs says of taking events. Nothing is made of these: see `handlers.ingest`."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from handlers.schemas import EventIn, FieldProblemOut, Outcome


class BatchDocumented(BaseModel):
    """What BatchIn is for those who send it."""

    events: list[EventIn] = Field(min_length=1, max_length=500)


class EventAccepted(BaseModel):
    """`deferred`: Redis does not answer now; the job is stored and will be sent when it does.

    Ids are null while PostgreSQL is away and the event waits in the buffer: it is stored later.
    """

    id: UUID | None
    group_id: UUID | None
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
