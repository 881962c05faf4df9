"""Events: sent one by one or in batches, and read back with their analysis."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from core import metrics
from core.domain.access import Scope
from core.domain.clean import holds_more_than
from core.errors import FieldProblem, Forbidden, InvalidInput, NotFound, QuotaExceeded, RootnoteError
from core.store import events
from handlers.bodies import decode, parse, read_body, validate
from handlers.buffering import admit, receive_or_buffer
from handlers.problems import field_problems, status_of
from handlers.read_schemas import EventOut, EventPage
from handlers.receive import Incoming, Receipt, prepare
from handlers.routes.common import (
    BODY_PROBLEMS,
    IDEMPOTENCY_KEY,
    PROBLEMS,
    CursorParam,
    Limit,
    ProjectParam,
    body_of,
    cursor_of,
    problem,
    project_filter,
    request_id_of,
)
from handlers.schemas import (
    BatchAccepted,
    BatchDocumented,
    BatchIn,
    BatchItem,
    EventAccepted,
    EventIn,
)
from handlers.wiring import deps_of

router = APIRouter(prefix="/api/v1/events", tags=["events"])

_INGEST_PROBLEMS = BODY_PROBLEMS | {429: problem("Over the key's or the project's quota; see Retry-After")}
_MOST_VALUES = 100_000
"""In one batch: 200 for each of 500 events, on average."""


@router.post(
    "",
    status_code=202,
    response_model=EventAccepted,
    responses=_INGEST_PROBLEMS | {200: {"model": EventAccepted, "description": "Stored before"}},
    openapi_extra=body_of(EventIn) | {"parameters": [IDEMPOTENCY_KEY]},
)
async def create_event(request: Request) -> Response:
    """Store an error. It is analysed afterwards if its status is 500 or above."""
    started = time.perf_counter()
    deps = deps_of(request)
    sender = await admit(request, deps)
    deps.quotas.refuse_known(sender)
    await deps.quotas.charge_key(sender, 1)
    body = await read_body(request, deps.settings)
    incoming = prepare(parse(EventIn, body), idempotency_key=_idempotency_key(request))
    [answer] = await receive_or_buffer(
        [incoming], sender=sender, request_id=request_id_of(request), deps=deps
    )
    if isinstance(answer, RootnoteError):
        raise answer
    metrics.INGEST_SECONDS.observe(time.perf_counter() - started)
    return JSONResponse(_accepted(answer), 202 if answer.is_new else 200)


@router.post(
    "/batch",
    status_code=202,
    response_model=BatchAccepted,
    responses=_INGEST_PROBLEMS,
    openapi_extra=body_of(BatchDocumented) | {"parameters": [IDEMPOTENCY_KEY]},
)
async def create_events(request: Request) -> Response:
    """Store up to 500 errors. Each has its own result; a bad one does not sink the rest."""
    started = time.perf_counter()
    deps = deps_of(request)
    sender = await admit(request, deps)
    deps.quotas.refuse_known(sender)
    body = await read_body(request, deps.settings)
    batch = validate(BatchIn, decode(body))
    if len(batch.events) > deps.settings.max_batch_events:
        most = deps.settings.max_batch_events
        raise InvalidInput(FieldProblem(field="events", message=f"holds more than {most} events"))
    await deps.quotas.charge_key(sender, len(batch.events))
    if holds_more_than(batch.events, _MOST_VALUES):
        message = f"hold more than {_MOST_VALUES:,} values in all"
        raise InvalidInput(FieldProblem(field="events", message=message))
    prepared = await _prepare_all(batch.events, _idempotency_key(request))
    batch.events.clear()
    good = [item for item in prepared if isinstance(item, Incoming)]
    received = (
        await receive_or_buffer(good, sender=sender, request_id=request_id_of(request), deps=deps)
        if good
        else []
    )
    _raise_if_all_over_quota(received)
    answers = iter(received)
    results = [_item(next(answers) if isinstance(item, Incoming) else item) for item in prepared]
    metrics.INGEST_SECONDS.observe(time.perf_counter() - started)
    accepted = sum(item.status < 300 for item in results)
    answer = BatchAccepted(accepted=accepted, refused=len(results) - accepted, results=results)
    return JSONResponse(answer.model_dump(mode="json", exclude_defaults=True), 202)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 200:
        raise InvalidInput(FieldProblem(field="Idempotency-Key", message="must have 1 to 200 characters"))
    return key


async def _prepare_all(events_in: list[Any], idempotency_key: str | None) -> list[Incoming | InvalidInput]:
    prepared: list[Incoming | InvalidInput] = []
    for index, value in enumerate(events_in):
        # Other requests need not wait for the whole batch.
        await asyncio.sleep(0)
        key = f"{idempotency_key}:{index}" if idempotency_key else None
        try:
            prepared.append(prepare(validate(EventIn, value, prefix=f"events.{index}."), idempotency_key=key))
        except InvalidInput as exc:
            prepared.append(exc)
    return prepared


def _raise_if_all_over_quota(received: list[Receipt | RootnoteError]) -> None:
    """A client that looks at nothing but the status must see that it sends too much."""
    over = [answer for answer in received if isinstance(answer, QuotaExceeded)]
    if over and len(over) == len(received):
        raise max(over, key=lambda answer: answer.retry_after)


def _accepted(receipt: Receipt) -> dict[str, str | None]:
    ids = {"id": receipt.id, "group_id": receipt.group_id}
    return {name: str(id_) if id_ else None for name, id_ in ids.items()} | {"analysis": receipt.analysis}


def _item(answer: Receipt | RootnoteError) -> BatchItem:
    if isinstance(answer, RootnoteError):
        # What is wrong is the event's project, or nothing that its sender could mend.
        field = "project_key" if isinstance(answer, Forbidden | QuotaExceeded) else "event"
        metrics.EVENTS_REFUSED.labels(status_of(answer)).inc()
        fields = field_problems(answer) or field_problems(
            InvalidInput(FieldProblem(field=field, message=str(answer)))
        )
        return BatchItem(status=status_of(answer), errors=fields)
    return BatchItem(
        status=202 if answer.is_new else 200,
        id=answer.id,
        group_id=answer.group_id,
        analysis=answer.analysis,
    )


@router.get("", response_model=EventPage, responses=PROBLEMS)
async def list_events(
    request: Request,
    project_key: ProjectParam = None,
    group_id: UUID | None = None,
    cursor: CursorParam = None,
    limit: Limit = 50,
) -> EventPage:
    """Newest first, with the analysis of each that has one."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    project_id = await project_filter(deps, caller, project_key)
    after = cursor_of(cursor)
    page = await deps.database.autocommit(
        lambda connection: events.newest(
            connection, project_id=project_id, group_id=group_id, after=after, limit=limit
        )
    )
    return EventPage(
        items=[EventOut.model_validate(item) for item in page.items],
        next_cursor=page.next.encode() if page.next else None,
    )


@router.get("/{event_id}", response_model=EventOut, responses=PROBLEMS | {404: problem()})
async def get_event(request: Request, event_id: UUID) -> EventOut:
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    view = await deps.database.autocommit(
        lambda connection: events.find(connection, event_id, project_id=caller.project_id)
    )
    if view is None:
        raise NotFound(f"no event {event_id}")
    return EventOut.model_validate(view)
