"""How /docs shows what takes events, and who answers what else is asked of their paths."""

from __future__ import annotations

from handlers.documented_schemas import BatchAccepted, BatchDocumented, EventAccepted
from handlers.ingest import create_event, create_events
from handlers.routes.common import BODY_PROBLEMS, IDEMPOTENCY_KEY, body_of, problem, router_of
from handlers.schemas import EventIn

router = router_of("events", prefix="/api/v1/events")

_PROBLEMS = BODY_PROBLEMS | {429: problem("Over the key's or the project's quota; see Retry-After")}

router.post(
    "",
    status_code=202,
    response_model=EventAccepted,
    responses=_PROBLEMS | {200: {"model": EventAccepted, "description": "Stored before"}},
    openapi_extra=body_of(EventIn) | {"parameters": [IDEMPOTENCY_KEY]},
)(create_event)

router.post(
    "/batch",
    status_code=202,
    response_model=BatchAccepted,
    responses=_PROBLEMS,
    openapi_extra=body_of(BatchDocumented) | {"parameters": [IDEMPOTENCY_KEY]},
)(create_events)
