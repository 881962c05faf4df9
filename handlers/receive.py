"""The use case of ingest: clean, scrub, group, store, commit, then send."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args
from uuid import UUID

from core import metrics
from core.domain import ids
from core.domain.access import Caller
from core.domain.clean import clean_json, clean_text, holds_more_than
from core.domain.event import EventContent, needs_analysis
from core.domain.fingerprint import fingerprint
from core.domain.job import ANALYSIS_VERSION, JobKind, job_id
from core.domain.scrub import scrub_event, scrub_text
from core.errors import FieldProblem, InvalidInput, NotFound, RootnoteError
from core.operations.event_writer import Written
from core.store.ingest import NewEvent, StoredEvent
from core.store.payload import payload_of
from handlers.projects import unknown_project
from handlers.schemas import EventIn, Outcome
from handlers.wiring import Deps

MOST_VALUES = 20_000
"""In one event. A mebibyte of empty lists is 350,000 values, each dearer to hold and to scrub than text."""


_RECEIVED = {outcome: metrics.EVENTS_RECEIVED.labels(outcome) for outcome in get_args(Outcome)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """One event as sent, cleaned and free of secrets.

    `event_key` makes it idempotent for its sender. Without one it is stored under `id`, so that it is one
    event for us too, however often it is tried.
    """

    project_key: str
    content: EventContent
    occurred_at: datetime
    event_key: str | None
    id: UUID = field(default_factory=ids.new_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """`is_new` False: the same event was stored before.

    Without ids: PostgreSQL is away and the event waits in the buffer, to be stored when it is back.
    """

    id: UUID | None
    group_id: UUID | None
    analysis: Outcome
    is_new: bool


def prepare(event: EventIn, *, idempotency_key: str | None) -> Incoming:
    """From here on no secret is in the event. Raises InvalidInput for what cannot be stored."""
    sent = {**event.extra, **(event.model_extra or {})}
    if holds_more_than(sent, MOST_VALUES):
        raise InvalidInput(FieldProblem(field="extra", message=f"holds more than {MOST_VALUES:,} values"))
    extra = clean_json(sent)
    content = EventContent(
        message=clean_text(event.message),
        status_code=event.status_code,
        stack=_clean(event.stack),
        method=_clean(event.method),
        path=_clean(event.path),
        environment=_clean(event.environment),
        release=_clean(event.release),
        extra=extra if isinstance(extra, dict) else {},
    )
    event_key = event.event_id or idempotency_key
    return Incoming(
        project_key=event.project_key,
        content=scrub_event(content),
        occurred_at=event.timestamp,
        event_key=None if event_key is None else _safe_key(clean_text(event_key)),
    )


def _safe_key(key: str) -> str:
    """A key that holds a secret is kept as its hash: masked, two of them would be one event."""
    return key if scrub_text(key) == key else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _clean(text: str | None) -> str | None:
    return None if text is None else clean_text(text)


async def receive(
    events: Sequence[Incoming],
    *,
    caller: Caller,
    request_id: str,
    deps: Deps,
    project_ids: Mapping[str, UUID] | None = None,
) -> list[Receipt | RootnoteError]:
    """Store the events; an answer for each, in order. Raises StoreUnavailable.

    An answer is an error where the caller may not use the event's project. `project_ids` are those that it
    may use, where they were just looked up.
    """
    if project_ids is None:
        project_ids = await _resolve(events, caller, deps)
    try:
        return await _receive(events, project_ids, request_id, deps)
    except NotFound:
        # The directory remembered a project that was deleted since.
        deps.projects.forget()
        return await _receive(events, await _resolve(events, caller, deps), request_id, deps)


async def _resolve(events: Sequence[Incoming], caller: Caller, deps: Deps) -> dict[str, UUID]:
    return await deps.projects.resolve({event.project_key for event in events}, caller)


async def _receive(
    events: Sequence[Incoming], project_ids: Mapping[str, UUID], request_id: str, deps: Deps
) -> list[Receipt | RootnoteError]:
    rows = [
        _row(event, project_ids[event.project_key]) if event.project_key in project_ids else None
        for event in events
    ]
    accepted = [row for row in rows if row is not None]
    if not accepted:
        return [unknown_project(event.project_key) for event in events]
    written = await deps.writer.write(accepted, request_id=request_id)
    if written.deferred_job_ids:
        metrics.PUBLISH_FAILURES.inc()
    receipts = iter(_receipts(accepted, written))
    return [
        unknown_project(event.project_key) if row is None else next(receipts)
        for event, row in zip(events, rows, strict=True)
    ]


def _row(event: Incoming, project_id: UUID) -> NewEvent:
    print_ = fingerprint(event.content)
    group_id = ids.group_id(project_id, print_.value, print_.version)
    is_wanted = needs_analysis(event.content.status_code)
    return NewEvent(
        id=ids.event_id(project_id, event.event_key) if event.event_key else event.id,
        project_id=project_id,
        group_id=group_id,
        fingerprint=print_.value,
        fingerprint_version=print_.version,
        title=print_.title,
        event_key=event.event_key,
        status_code=event.content.status_code,
        occurred_at=event.occurred_at,
        payload=payload_of(event.content),
        job_id=job_id(JobKind.ANALYSE_GROUP, group_id, ANALYSIS_VERSION) if is_wanted else None,
    )


def _receipts(rows: Sequence[NewEvent], written: Written) -> list[Receipt]:
    deferred = written.deferred_job_ids
    receipts = [
        _receipt(row, event, is_deferred=bool(deferred) and row.job_id in deferred)
        for row, event in zip(rows, written.events, strict=True)
    ]
    counts: dict[Outcome, int] = {}
    for receipt in receipts:
        counts[receipt.analysis] = counts.get(receipt.analysis, 0) + 1
    for analysis, count in counts.items():
        _RECEIVED[analysis].inc(count)
    return receipts


def _receipt(row: NewEvent, event: StoredEvent | None, *, is_deferred: bool) -> Receipt:
    """Of the event as it is stored, which is not as it was sent where its key was used before."""
    analysis: Outcome
    if not needs_analysis(row.status_code if event is None else event.status_code):
        analysis = "not_required"
    elif event is not None and event.is_analysed:
        analysis = "reused"
    else:
        analysis = "deferred" if is_deferred else "queued"
    return Receipt(
        id=row.id,
        group_id=row.group_id if event is None else event.group_id,
        analysis=analysis,
        is_new=event is None or event.is_new,
    )
