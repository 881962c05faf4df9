"""Events, sent one by one or in batches. `handlers.direct` brings requests here.

Nothing here needs FastAPI, so that a function that has just started can take events before that is loaded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from core import metrics
from core.domain.clean import holds_more_than
from core.errors import FieldProblem, Forbidden, InvalidInput, QuotaExceeded, RootnoteError
from handlers.bodies import parse, read_body, validate
from handlers.buffering import admit, receive_or_buffer
from handlers.direct import Endpoint
from handlers.problems import field_problems, status_of
from handlers.receive import Incoming, Receipt, prepare
from handlers.schemas import BatchIn, EventIn
from handlers.wiring import deps_of

_MOST_VALUES = 100_000
"""In one batch: 200 for each of 500 events, on average."""
_TURN_SECONDS = 0.002
"""Other requests need not wait for a whole batch: so long for a part of it."""


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
        [incoming], sender=sender, request_id=request.scope["state"]["request_id"], deps=deps
    )
    if isinstance(answer, RootnoteError):
        raise answer
    metrics.INGEST_SECONDS.observe(time.perf_counter() - started)
    return _json({"id": answer.id, "group_id": answer.group_id, "analysis": answer.analysis}, _status(answer))


async def create_events(request: Request) -> Response:
    """Store up to 500 errors. Each has its own result; a bad one does not sink the rest."""
    started = time.perf_counter()
    deps = deps_of(request)
    sender = await admit(request, deps)
    deps.quotas.refuse_known(sender)
    body = await read_body(request, deps.settings)
    batch = parse(BatchIn, body)
    if len(batch.events) > deps.settings.max_batch_events:
        most = deps.settings.max_batch_events
        raise InvalidInput(FieldProblem(field="events", message=f"holds more than {most} events"))
    await deps.quotas.charge_key(sender, len(batch.events))
    # Each takes two bytes at least.
    if len(body) > 2 * _MOST_VALUES and holds_more_than([*map(_free, batch.events)], _MOST_VALUES):
        message = f"hold more than {_MOST_VALUES:,} values in all"
        raise InvalidInput(FieldProblem(field="events", message=message))
    prepared = await _prepare_all(batch.events, _idempotency_key(request))
    batch.events.clear()
    good = [item for item in prepared if isinstance(item, Incoming)]
    request_id = request.scope["state"]["request_id"]
    received = await receive_or_buffer(good, sender=sender, request_id=request_id, deps=deps) if good else []
    _raise_if_all_over_quota(received)
    answers = iter(received)
    results = [_item(next(answers) if isinstance(item, Incoming) else item) for item in prepared]
    metrics.INGEST_SECONDS.observe(time.perf_counter() - started)
    refused = sum("errors" in item for item in results)
    return _json({"accepted": len(results) - refused, "refused": refused, "results": results}, 202)


ENDPOINTS: Mapping[str, Endpoint] = {
    "/api/v1/events": create_event,
    "/api/v1/events/batch": create_events,
}
"""By path, for POST."""


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 200:
        raise InvalidInput(FieldProblem(field="Idempotency-Key", message="must have 1 to 200 characters"))
    return key


def _free(event: Any) -> Any:
    """What may hold any number of values."""
    return [event.extra, event.model_extra] if isinstance(event, EventIn) else event


async def _prepare_all(events_in: list[Any], idempotency_key: str | None) -> list[Incoming | InvalidInput]:
    prepared: list[Incoming | InvalidInput] = []
    turn_ends_at = time.perf_counter() + _TURN_SECONDS
    for index, value in enumerate(events_in):
        if time.perf_counter() > turn_ends_at:
            await asyncio.sleep(0)
            turn_ends_at = time.perf_counter() + _TURN_SECONDS
        key = f"{idempotency_key}:{index}" if idempotency_key else None
        try:
            prepared.append(prepare(_event(value, index), idempotency_key=key))
        except InvalidInput as exc:
            prepared.append(exc)
    return prepared


def _event(value: Any, index: int) -> EventIn:
    """Raises InvalidInput, which says what is wrong with a value that is none."""
    return value if isinstance(value, EventIn) else validate(EventIn, value, prefix=f"events.{index}.")


def _raise_if_all_over_quota(received: list[Receipt | RootnoteError]) -> None:
    """A client that looks at nothing but the status must see that it sends too much."""
    over = [answer for answer in received if isinstance(answer, QuotaExceeded)]
    if over and len(over) == len(received):
        raise max(over, key=lambda answer: answer.retry_after)


def _item(answer: Receipt | RootnoteError) -> dict[str, object]:
    """A BatchItem, without what it has no value for."""
    if not isinstance(answer, RootnoteError):
        item: dict[str, object] = {"status": _status(answer)}
        if answer.id is not None:
            item |= {"id": answer.id, "group_id": answer.group_id}
        return item | {"analysis": answer.analysis}
    status = status_of(answer)
    metrics.EVENTS_REFUSED.labels(status).inc()
    # What is wrong is the event's project, or nothing that its sender could mend.
    field = "project_key" if isinstance(answer, Forbidden | QuotaExceeded) else "event"
    fields = field_problems(answer) or field_problems(
        InvalidInput(FieldProblem(field=field, message=str(answer)))
    )
    return {"status": status, "errors": fields}


def _status(receipt: Receipt) -> int:
    return 202 if receipt.is_new else 200


def _json(content: dict[str, Any], status: int) -> Response:
    """As the models document it, which are not built: that took as long as to check the events."""
    return Response(to_json(content), status, media_type="application/json")
