"""The Lambda entry point behind API Gateway: the same app, through Mangum."""

from __future__ import annotations

import base64
import json
import logging
import sys
from typing import Any

from handlers.cold_start import quick_imports

with quick_imports():
    from mangum import Mangum
    from starlette.responses import Response

    from core import settings
    from core.domain.ids import new_request_id
    from core.errors import MalformedBody
    from handlers import problems, snapshot
    from handlers.gateway_events import checked
    from handlers.lambda_app import LambdaApp
    from handlers.startup import deps_of_process

    _deps = deps_of_process()
    _deps.warm_up()
    _app = LambdaApp(_deps)

logger = logging.getLogger(__name__)

_OF_HEALTH = {"httpMethod": "GET", "path": "/healthz", "headers": {}, "requestContext": {"stage": ""}}
"""Asks for what needs no server: what the first request makes is then made."""

_TEXT = ("text/", "application/json", "application/problem+json", "application/javascript")
"""Everything else goes out as base64, which API Gateway decodes where binary types are set."""

_LAMBDA_RETURNS = 6_291_556
"""Bytes at most. For one more, the runtime ends the process and API Gateway answers 502. Base64 is less than
JSON in JSON for what is not ASCII; the template's API decodes it, as HTTP APIs do."""
_MOST_OF_A_LETTER = 12
_ASCII_ONLY = sys.version_info < (3, 12)
"""Lambda's older runtimes write what a function returns as ASCII: six bytes for each other letter, and
twelve for those beyond the 65,536 first."""

_base_path = settings.load().api_base_path


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """REST and HTTP API events. A stage in the path, which HTTP APIs leave there, is taken off."""
    try:
        event = checked(event)
    except MalformedBody as exc:
        return _bad_event(exc)
    adapter = Mangum(
        _app, lifespan="off", api_gateway_base_path=_base_path_of(event), text_mime_types=list(_TEXT)
    )
    response: dict[str, Any] = adapter(event, context)
    return _returnable(response)


def _base_path_of(event: dict[str, Any]) -> str:
    stage = event["requestContext"]["stage"]
    prefix = f"/{stage}"
    has_stage = event.get("version") == "2.0" and stage != "$default"
    raw_path = event.get("rawPath", "")
    is_prefixed = raw_path == prefix or raw_path.startswith(f"{prefix}/")
    return (prefix if has_stage and is_prefixed else _base_path) or "/"


def _bad_event(exc: MalformedBody) -> dict[str, Any]:
    logger.warning("an event that API Gateway never sends", extra={"cause": str(exc)})
    request_id = new_request_id()
    return _lambda_answer(problems.refused(exc, request_id), {"x-request-id": request_id})


def _returnable(response: dict[str, Any]) -> dict[str, Any]:
    if _fits(response):
        return response
    octets = base64.b64encode(response["body"].encode()).decode()
    packed = response | {"body": octets, "isBase64Encoded": True}
    return packed if _fits(packed) else _refused(response)


def _fits(response: dict[str, Any]) -> bool:
    if len(response["body"]) * _MOST_OF_A_LETTER < _LAMBDA_RETURNS:
        return True
    return len(json.dumps(response, ensure_ascii=_ASCII_ONLY).encode()) <= _LAMBDA_RETURNS


def _refused(response: dict[str, Any]) -> dict[str, Any]:
    logger.warning("an answer is larger than Lambda returns", extra={"chars": len(response["body"])})
    problem = problems.page_too_large(response["headers"]["x-request-id"])
    return response | _lambda_answer(problem, response["headers"])


def _lambda_answer(problem: Response, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "statusCode": problem.status_code,
        "headers": {**headers, **problem.headers},
        "body": bytes(problem.body).decode(),
        "isBase64Encoded": False,
    }


def _load_everything() -> None:
    _app.load()
    handler(_OF_HEALTH, None)


snapshot.prepare(_load_everything)
