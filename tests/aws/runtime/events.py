"""An error to send, and how it is sent."""

from __future__ import annotations

import json
from typing import Any

from infra.lambda_runtime.function import Function
from tests.aws.runtime import gateway
from tests.aws.runtime.conftest import KEY

EVENTS = "/api/v1/events"


def error(**changes: object) -> dict[str, Any]:
    return {
        "project_key": "shop",
        "message": "Checkout failed",
        "method": "POST",
        "path": "/checkout/8271",
        "status_code": 500,
        "timestamp": "2026-11-20T12:00:00Z",
    } | changes


def post(
    function: Function, content: dict[str, Any], *, path: str = EVENTS, **changes: Any
) -> gateway.Answer:
    body = json.dumps(content, ensure_ascii=False).encode()
    return gateway.answer_of(function.invoke(gateway.request("POST", path, key=KEY, body=body, **changes)))


def get(function: Function, path: str, **query: str) -> gateway.Answer:
    return gateway.answer_of(function.invoke(gateway.request("GET", path, key=KEY, query=query)))
