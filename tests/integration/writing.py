"""Events ready to be written, and locks that keep them from being."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from core.domain import ids
from core.domain.job import ANALYSIS_VERSION, JobKind, job_id
from core.store.ingest import NewEvent

PROJECT = uuid4()


def new_event(group: UUID | None = None, **changes: Any) -> NewEvent:
    """Of a new group unless told otherwise, and to be analysed."""
    group_id = group or uuid4()
    fields: dict[str, Any] = {
        "id": ids.new_id(),
        "project_id": PROJECT,
        "group_id": group_id,
        "fingerprint": group_id.hex,
        "fingerprint_version": 1,
        "title": "TimeoutError",
        "event_key": None,
        "status_code": 500,
        "occurred_at": datetime.now(UTC),
        "payload": {"message": "no answer"},
        "job_id": job_id(JobKind.ANALYSE_GROUP, group_id, ANALYSIS_VERSION),
    }
    return NewEvent(**(fields | changes))


def never_stored(group: UUID | None = None) -> NewEvent:
    """PostgreSQL's jsonb refuses NUL, which cleaning takes out before."""
    return new_event(group, payload={"message": "\0"})


def add_project(database_url: str, project: UUID = PROJECT) -> None:
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("INSERT INTO projects (id, key) VALUES (%s, %s)", (project, project.hex))


@asynccontextmanager
async def locked_group(database_url: str, group: UUID) -> AsyncIterator[None]:
    """Whoever stores an event of it has to wait."""
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute("SELECT FROM error_groups WHERE id = %s FOR UPDATE", (group,))
        yield
