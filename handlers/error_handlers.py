"""What FastAPI does with errors: each becomes a problem. Apart, since ingest does without FastAPI."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core import errors
from core.domain.validation import problems_in
from handlers import openapi, problems


async def _on_rootnote_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, errors.RootnoteError)  # noqa: S101  (as registered below)
    return problems.refusal(request, exc)


async def _on_http_exception(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)  # noqa: S101  (as registered below)
    headers = {name.lower(): value for name, value in (exc.headers or {}).items()}
    if exc.status_code == 405 and (methods := openapi.methods_at(request.app, request.url.path)):
        headers["allow"] = ", ".join(methods)
    return problems.response(exc.status_code, exc.detail, request.state.request_id, headers=headers)


async def _on_validation_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)  # noqa: S101  (as registered below)
    # The first part says only where the parameter stood: query, path or header.
    found = errors.InvalidInput(*problems_in(exc.errors(), skip=1))
    return problems.response(422, str(found), request.state.request_id, fields=problems.field_problems(found))


async def _on_unexpected_error(request: Request, _: Exception) -> Response:
    """The error itself goes on, and is logged around the app."""
    return problems.internal_error(request.state.request_id)


def install(app: FastAPI) -> None:
    app.add_exception_handler(Exception, _on_unexpected_error)
    app.add_exception_handler(errors.RootnoteError, _on_rootnote_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
