"""The OpenAPI document, corrected where FastAPI cannot know better.

Errors are problem+json; keys are declared, so that /docs can send one; and bodies that routes read by
themselves share their schemas with everything else.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import compile_path

from handlers.schemas import Problem

_REFERENCE = "#/components/schemas/{model}"
PROBLEM_SCHEMA = {"$ref": _REFERENCE.format(model=Problem.__name__)}
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
        schemas = components.setdefault("schemas", {})
        _add(schemas, Problem.__name__, Problem.model_json_schema(ref_template=_REFERENCE))
        for path, operations in found["paths"].items():
            for operation in operations.values():
                for media in operation.get("requestBody", {}).get("content", {}).values():
                    _add_parts(schemas, media["schema"])
                if path not in _KEYLESS:
                    operation["security"] = _SECURITY
        app.openapi_schema = found
    return app.openapi_schema


def methods_at(app: FastAPI, path: str) -> list[str]:
    """What may be asked of a path. The router names the methods of one route of several only."""
    paths: dict[str, dict[str, Any]] = document(app)["paths"]
    operations = paths.get(path) or next(
        (found for template, found in paths.items() if compile_path(template)[0].match(path)), {}
    )
    return sorted(method.upper() for method in operations)


def _add(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    _add_parts(schemas, schema)
    schemas.setdefault(name, schema)


def _add_parts(schemas: dict[str, Any], schema: dict[str, Any]) -> None:
    for name, part in schema.pop("$defs", {}).items():
        schemas.setdefault(name, part)
