"""The request, the place and the version that a structured line tells of."""

from __future__ import annotations

from collections.abc import Mapping

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_METHOD = (
    "method", "http_method", "httpMethod", "request_method", "requestMethod", "http.method",
    "http.request.method", "req.method", "request.method", "httpRequest.requestMethod",
)  # fmt: skip
_PATH = (
    "path", "request_path", "requestPath", "rawPath", "http.target", "url.path", "req.url", "request.path",
    "request.url", "http.url", "httpRequest.requestUrl", "url", "uri", "route",
)  # fmt: skip
_STATUS = (
    "status_code", "statusCode", "http_status", "http.status_code", "http.response.status_code",
    "res.statusCode", "response.status_code", "response.statusCode", "response.status",
    "httpRequest.status", "status",
)  # fmt: skip
_ENVIRONMENT = (
    "environment", "env", "deployment_environment", "deployment.environment", "service.environment", "dd.env",
    "stage",
)  # fmt: skip
_RELEASE = ("release", "app_version", "appVersion", "service_version", "service.version", "dd.version")
_REQUEST_ID = (
    "requestId", "function_request_id", "aws_request_id", "awsRequestId", "AWSRequestId", "request_id",
    "reqId", "req.id",
)  # fmt: skip
_LONGEST_PATH = 8_000
_LONGEST_NAME = 200


def method(record: Mapping[str, object]) -> str | None:
    found = (_look(record, name) for name in _METHOD)
    return next((m.upper() for m in found if isinstance(m, str) and m.upper() in _METHODS), None)


def path(record: Mapping[str, object]) -> str | None:
    """Of a request: without a method or a status beside it, it may be a file's."""
    if method(record) is None and status_code(record) is None:
        return None
    found = (_look(record, name) for name in _PATH)
    paths = (p for p in found if isinstance(p, str) and p.startswith(("/", "http://", "https://")))
    return next((p[:_LONGEST_PATH] for p in paths), None)


def status_code(record: Mapping[str, object]) -> int | None:
    """Only a server's failure: beside an error, a 404 is most often some other service's answer."""
    for name in _STATUS:
        value = _look(record, name)
        if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 500 <= value <= 599:
            return value
    return None


def environment(record: Mapping[str, object]) -> str | None:
    return _name(record, _ENVIRONMENT)


def release(record: Mapping[str, object]) -> str | None:
    return _name(record, _RELEASE)


def request_id(record: Mapping[str, object]) -> str | None:
    return _name(record, _REQUEST_ID)


def _name(record: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    found = (_look(record, name) for name in names)
    return next((value[:_LONGEST_NAME] for value in found if isinstance(value, str) and value), None)


def _look(record: Mapping[str, object], name: str) -> object:
    """`http.method` as a key of its own, or `method` within `http`."""
    if name in record or "." not in name:
        return record.get(name)
    value: object = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
