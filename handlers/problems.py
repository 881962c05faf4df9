"""Errors to problem+json (RFC 9457): the one place where an error gets its status."""

from __future__ import annotations

import math
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse

from core import errors, metrics
from handlers.inflate import ENCODINGS
from handlers.responses import InertJSONResponse
from handlers.schemas import FieldProblemOut, Problem

_STATUS: dict[type[errors.RootnoteError], int] = {
    errors.MalformedBody: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooSlow: 408,
    errors.TooLarge: 413,
    errors.UnsupportedEncoding: 415,
    errors.InvalidInput: 422,
    errors.QuotaExceeded: 429,
    errors.StoreUnavailable: 503,
    errors.TimeUp: 503,
    errors.QueueUnavailable: 503,
}
_HEADERS = {
    401: {"www-authenticate": "Bearer"},
    # What is left of a body that came too late would be read as the next request.
    408: {"connection": "close"},
    415: {"accept-encoding": ", ".join(ENCODINGS)},
    503: {"retry-after": "5"},
}


def status_of(error: errors.RootnoteError) -> int:
    """The nearest class in the error's ancestry decides."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def field_problems(error: errors.RootnoteError) -> list[FieldProblemOut]:
    if not isinstance(error, errors.InvalidInput):
        return []
    return [FieldProblemOut(field=p.field, message=p.message) for p in error.problems]


def response(
    status: int,
    detail: str,
    request_id: str,
    *,
    fields: list[FieldProblemOut] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id=request_id,
        errors=fields or [],
    )
    content = problem.model_dump(exclude={"errors"} if not fields else None)
    return InertJSONResponse(content, status, headers, media_type="application/problem+json")


def internal_error(request_id: str) -> JSONResponse:
    """Says nothing of what went wrong: that is in the log, under the id."""
    return response(500, "something went wrong on our side; the log has it under this request_id", request_id)


def page_too_large(request_id: str) -> JSONResponse:
    """For whoever asked for so many items that the answer cannot be sent."""
    message = "the answer is larger than can be sent: ask for fewer items"
    fields = [FieldProblemOut(field="limit", message=message)]
    return response(422, f"limit: {message}", request_id, fields=fields)


def refused(error: errors.RootnoteError, request_id: str) -> JSONResponse:
    """For what never became a request, too."""
    status = status_of(error)
    headers = _HEADERS.get(status)
    if isinstance(error, errors.QuotaExceeded):
        headers = {"retry-after": str(max(1, math.ceil(error.retry_after)))}
    return response(status, str(error), request_id, fields=field_problems(error), headers=headers)


def refusal(request: Request, exc: errors.RootnoteError) -> JSONResponse:
    """The answer to a request that ended in this error, counted where it is an event's."""
    status = status_of(exc)
    if status == 500:
        # Said to operators and not to callers: its words may name a secret, a host or a variable.
        raise exc
    if request.scope["path"].startswith("/api/v1/events") and request.method == "POST":
        metrics.EVENTS_REFUSED.labels(status).inc()
    return refused(exc, request.state.request_id)
