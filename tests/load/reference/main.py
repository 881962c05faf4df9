"""The HTTP side: store the event, queue its analysis, answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy.orm import Session

from tests.load.reference.database import Base, engine, get_db
from tests.load.reference.models import ErrorEvent
from tests.load.reference.tasks import analyse_error_event

Base.metadata.create_all(engine)
app = FastAPI()

Db = Annotated[Session, Depends(get_db)]


class EventIn(BaseModel):
    project_key: str
    message: str
    stack: str | None = None
    method: str | None = None
    path: str | None = None
    status_code: int
    timestamp: datetime


class EventOut(BaseModel):
    id: UUID
    status: str


class Batch(BaseModel):
    events: list[EventIn]


@app.post("/api/v1/events", status_code=202)
def create_event(event: EventIn, db: Db) -> EventOut:
    return store(event, db)


@app.post("/api/v1/events/batch", status_code=202)
def create_events(batch: Batch, db: Db) -> list[EventOut]:
    """Of batches the guide says nothing: they are a loop over what it does for one event."""
    return [store(event, db) for event in batch.events]


@app.post("/api/v1/events/batch-in-one-commit", status_code=202)
def create_events_in_one_commit(batch: Batch, db: Db) -> list[EventOut]:
    """The next thing that anybody would try."""
    rows = [row_of(event) for event in batch.events]
    db.add_all(rows)
    db.flush()
    stored = [(row.id, row.status_code) for row in rows]
    db.commit()
    for id_, status_code in stored:
        if status_code >= 500:
            analyse_error_event.delay(str(id_))
    return [EventOut(id=id_, status="accepted") for id_, _ in stored]


def store(event: EventIn, db: Session) -> EventOut:
    row = row_of(event)
    db.add(row)
    db.commit()
    db.refresh(row)
    if row.status_code >= 500:
        analyse_error_event.delay(str(row.id))
    return EventOut(id=row.id, status="accepted")


def row_of(event: EventIn) -> ErrorEvent:
    return ErrorEvent(
        project_key=event.project_key, status_code=event.status_code, payload=event.model_dump(mode="json")
    )
