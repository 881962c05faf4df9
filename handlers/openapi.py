"""The OpenAPI document, corrected where FastAPI cannot know better.

Errors are problem+json; keys are declared, so that /docs can send one; and bodies that routes read by
themselves share their schemas with everything else.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_KEYLESS = ("/healthz", "/readyz")
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def document(app: FastAPI) -> dict[str, Any]:
    """Made at the first request for it, and kept."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = found.setdefault("components", {})
        components["securitySchemes"] = _SCHEMES
        for path, operations in found["paths"].items():
            for operation in operations.values():
                _mend(operation, components.setdefault("schemas", {}))
                if path not in _KEYLESS:
                    operation["security"] = _SECURITY
        app.openapi_schema = found
    return app.openapi_schema


def _mend(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    for status, response in operation.get("responses", {}).items():
        content = response.get("content", {})
        if int(status) >= 400 and content.get("application/json", {}).get("schema") == _PROBLEM:
            content["application/problem+json"] = content.pop("application/json")
    for media in operation.get("requestBody", {}).get("content", {}).values():
        for name, schema in media["schema"].pop("$defs", {}).items():
            schemas.setdefault(name, schema)
