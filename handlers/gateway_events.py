"""API Gateway's events, held against what Mangum takes on trust.

Whoever may invoke the function may send it anything; a field of the wrong kind would end the invocation,
and API Gateway would say 502. What is there is checked, what is null or odd without harm is left out.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator, ValidationError, core_schema

from core.domain.validation import problems_of
from core.errors import FieldProblem, MalformedBody

_HOST = re.compile(r"[^:]*(?::\d{1,5})?")
_PORT = re.compile(r"\d{1,5}")
_READ_BY_MANGUM = {"host": _HOST, "x-forwarded-port": _PORT}


def _encodable(text: str) -> str:
    """Raises a ValueError for halves of surrogate pairs, which no header or path can be made of."""
    text.encode()
    return text


def _object(required: Mapping[str, CoreSchema], optional: Mapping[str, CoreSchema]) -> CoreSchema:
    """An object with those members at least; the optional ones may be null."""
    fields = {name: core_schema.typed_dict_field(schema) for name, schema in required.items()} | {
        name: core_schema.typed_dict_field(core_schema.nullable_schema(schema), required=False)
        for name, schema in optional.items()
    }
    return core_schema.typed_dict_schema(fields, strict=True)


def _dict_of(values: CoreSchema) -> CoreSchema:
    return core_schema.dict_schema(_TEXT, core_schema.nullable_schema(values), strict=True)


# As pydantic would make them of models, which takes 5 ms of a cold start.
_TEXT = core_schema.no_info_after_validator_function(_encodable, core_schema.str_schema(strict=True))
_TEXTS = core_schema.list_schema(_TEXT, strict=True)


@cache
def _of_rest() -> SchemaValidator:
    """REST APIs, and HTTP APIs with payloads of version 1.0."""
    context = _object({}, {"stage": _TEXT, "identity": _object({}, {"sourceIp": _TEXT})})
    return SchemaValidator(
        _object(
            {"httpMethod": _TEXT, "path": _TEXT, "requestContext": context},
            {
                "headers": _dict_of(_TEXT),
                "multiValueHeaders": _dict_of(_TEXTS),
                "queryStringParameters": _dict_of(_TEXT),
                "multiValueQueryStringParameters": _dict_of(_TEXTS),
            },
        )
    )


@cache
def _of_http() -> SchemaValidator:
    """HTTP APIs, version 2.0."""
    http = _object({"method": _TEXT, "path": _TEXT}, {"sourceIp": _TEXT})
    return SchemaValidator(
        _object(
            {"requestContext": _object({"http": http}, {"stage": _TEXT})},
            {"rawPath": _TEXT, "rawQueryString": _TEXT, "headers": _dict_of(_TEXT), "cookies": _TEXTS},
        )
    )


def _rest(event: dict[str, Any]) -> dict[str, Any]:
    context = event["requestContext"]
    identity = context.get("identity") or {}
    return {
        "resource": "/{proxy+}",
        "httpMethod": event["httpMethod"],
        "path": event["path"],
        "headers": _sane(_filled(event.get("headers"))),
        "multiValueHeaders": _sane(_filled(event.get("multiValueHeaders"))),
        "queryStringParameters": _filled(event.get("queryStringParameters")),
        "multiValueQueryStringParameters": _filled(event.get("multiValueQueryStringParameters")),
        "requestContext": {
            "stage": context.get("stage"),
            "identity": {"sourceIp": identity.get("sourceIp")},
        },
    }


def _http(event: dict[str, Any]) -> dict[str, Any]:
    context = event["requestContext"]
    http = context["http"]
    return {
        "version": "2.0",
        "rawPath": event.get("rawPath") or http["path"],
        "rawQueryString": event.get("rawQueryString") or "",
        "headers": _sane(_filled(event.get("headers"))),
        "cookies": event.get("cookies") or [],
        "requestContext": {
            "stage": context.get("stage") or "$default",
            "http": {"method": http["method"], "path": http["path"], "sourceIp": http.get("sourceIp")},
        },
    }


def checked(event: object) -> dict[str, Any]:
    """The event with nothing in it that Mangum would trip over. Raises MalformedBody, naming fields."""
    if not isinstance(event, Mapping):
        raise MalformedBody(FieldProblem(field="event", message="is no event of API Gateway"))
    try:
        if event.get("version") == "2.0":
            return _http(_of_http().validate_python(event)) | _body(event)
        return _rest(_of_rest().validate_python(event)) | _body(event)
    except ValidationError as exc:
        raise MalformedBody(*problems_of(exc, prefix="event.")) from exc


def _filled(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (fields or {}).items() if value is not None}


def _sane(headers: dict[str, Any]) -> dict[str, Any]:
    """Without what Mangum reads numbers out of, where there are none."""
    return {
        name: value
        for name, value in headers.items()
        if (pattern := _READ_BY_MANGUM.get(name.lower())) is None
        or pattern.fullmatch(value if isinstance(value, str) else ", ".join(value))
    }


def _body(event: Mapping[str, Any]) -> dict[str, Any]:
    """Always as base64: what is no UTF-8 is then found out, and answered, where bodies are read."""
    body, is_packed = event.get("body"), event.get("isBase64Encoded")
    if body is None:
        return {"body": None, "isBase64Encoded": False}
    if not isinstance(body, str) or not isinstance(is_packed, bool | None):
        raise MalformedBody(FieldProblem(field="event.body", message="is no text"))
    try:
        octets = base64.b64decode(body, validate=True) if is_packed else body.encode(errors="surrogatepass")
    except (ValueError, binascii.Error) as exc:
        raise MalformedBody(FieldProblem(field="event.body", message="is not base64")) from exc
    return {"body": base64.b64encode(octets).decode(), "isBase64Encoded": True}
