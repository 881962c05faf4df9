"""API Gateway's events, held against what Mangum takes on trust.

Whoever may invoke the function may send it anything; a field of the wrong kind would end the invocation,
and API Gateway would say 502. What is there is checked, what is null or odd without harm is left out.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from core.domain.validation import problems_of
from core.errors import FieldProblem, MalformedBody


def _encodable(text: str) -> str:
    """Raises a ValueError for halves of surrogate pairs, which no header or path can be made of."""
    text.encode()
    return text


_Text: TypeAlias = Annotated[str, AfterValidator(_encodable)]
_Many: TypeAlias = dict[_Text, list[_Text] | None]
_One: TypeAlias = dict[_Text, _Text | None]

_HOST = re.compile(r"[^:]*(?::\d{1,5})?")
_PORT = re.compile(r"\d{1,5}")
_READ_BY_MANGUM = {"host": _HOST, "x-forwarded-port": _PORT}


class _Checked(BaseModel):
    # Built when first used: an API has events of one kind only.
    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)


class _Identity(_Checked):
    source_ip: _Text | None = Field(default=None, alias="sourceIp")


class _RestContext(_Checked):
    stage: _Text | None = None
    identity: _Identity | None = None


class _RestEvent(_Checked):
    """REST APIs, and HTTP APIs with payloads of version 1.0."""

    method: _Text = Field(alias="httpMethod")
    path: _Text
    headers: _One | None = None
    multi_headers: _Many | None = Field(default=None, alias="multiValueHeaders")
    query: _One | None = Field(default=None, alias="queryStringParameters")
    multi_query: _Many | None = Field(default=None, alias="multiValueQueryStringParameters")
    context: _RestContext = Field(alias="requestContext")

    def clean(self) -> dict[str, Any]:
        identity = self.context.identity or _Identity()
        return {
            "httpMethod": self.method,
            "path": self.path,
            "headers": _sane(_filled(self.headers)),
            "multiValueHeaders": _sane(_filled(self.multi_headers)),
            "queryStringParameters": _filled(self.query),
            "multiValueQueryStringParameters": _filled(self.multi_query),
            "requestContext": {
                "stage": self.context.stage,
                "identity": {"sourceIp": identity.source_ip},
            },
        }


class _Http(_Checked):
    method: _Text
    path: _Text
    source_ip: _Text | None = Field(default=None, alias="sourceIp")


class _HttpContext(_Checked):
    stage: _Text | None = None
    http: _Http


class _HttpEvent(_Checked):
    """HTTP APIs, version 2.0."""

    version: Literal["2.0"]
    raw_path: _Text | None = Field(default=None, alias="rawPath")
    query: _Text | None = Field(default=None, alias="rawQueryString")
    headers: _One | None = None
    cookies: list[_Text] | None = None
    context: _HttpContext = Field(alias="requestContext")

    def clean(self) -> dict[str, Any]:
        http = self.context.http
        return {
            "version": self.version,
            "rawPath": self.raw_path or http.path,
            "rawQueryString": self.query or "",
            "headers": _sane(_filled(self.headers)),
            "cookies": self.cookies or [],
            "requestContext": {
                "stage": self.context.stage or "$default",
                "http": {"method": http.method, "path": http.path, "sourceIp": http.source_ip},
            },
        }


def checked(event: object) -> dict[str, Any]:
    """The event with nothing in it that Mangum would trip over. Raises MalformedBody, naming fields."""
    if not isinstance(event, Mapping):
        raise MalformedBody(FieldProblem(field="event", message="is no event of API Gateway"))
    try:
        if event.get("version") == "2.0":
            return _HttpEvent.model_validate(event).clean() | _body(event)
        return {"resource": "/{proxy+}"} | _RestEvent.model_validate(event).clean() | _body(event)
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
