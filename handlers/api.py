"""The Lambda entry point behind API Gateway: the same app, through Mangum."""

from __future__ import annotations

from typing import Any

from mangum import Mangum

from core import settings
from handlers.app import create_app

_app = create_app()
_TEXT = ("text/", "application/json", "application/problem+json", "application/javascript")
"""Everything else goes out as base64, which API Gateway decodes where binary types are set."""

_base_path = settings.load().api_base_path


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """REST and HTTP API events. A stage in the path, which HTTP APIs leave there, is taken off."""
    stage = event.get("requestContext", {}).get("stage", "$default")
    prefix = f"/{stage}"
    has_stage = event.get("version") == "2.0" and stage != "$default"
    raw_path = event.get("rawPath", "")
    is_prefixed = raw_path == prefix or raw_path.startswith(f"{prefix}/")
    base_path = prefix if has_stage and is_prefixed else _base_path
    adapter = Mangum(
        _app, lifespan="off", api_gateway_base_path=base_path or "/", text_mime_types=list(_TEXT)
    )
    response: dict[str, Any] = adapter(event, context)
    return response
