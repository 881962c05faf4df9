"""What FastAPI costs by itself: a route that takes an event and does nothing, and one that takes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from pydantic import BaseModel

PYDANTIC = "/pydantic"
NO_BODY = "/no-body"

app = FastAPI()


class EventIn(BaseModel):
    project_key: str
    message: str
    stack: str | None = None
    method: str | None = None
    path: str | None = None
    status_code: int
    timestamp: datetime
    event_id: str | None = None
    environment: str | None = None
    release: str | None = None
    extra: dict[str, Any] = {}


@app.post(PYDANTIC, status_code=202)
async def take(event: EventIn) -> dict[str, str]:
    return {"id": str(uuid4()), "analysis": "queued"}


@app.post(NO_BODY, status_code=202)
async def take_nothing() -> dict[str, str]:
    return {"id": str(uuid4()), "analysis": "queued"}
