"""Events as a regional REST API of API Gateway sends them to a Lambda proxy integration."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STAGE = "live"


def request(
    method: str,
    path: str,
    *,
    key: str | None,
    body: bytes | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    binary: bool = False,
) -> dict[str, Any]:
    """`binary`: the body goes as base64, as it does where the API lists binary media types."""
    sent = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        "X-Amzn-Trace-Id": "Root=1-69200000-0123456789abcdef01234567",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        **({"Authorization": f"Bearer {key}"} if key else {}),
        **(headers or {}),
    }
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {k: [v] for k, v in query.items()} if query else None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "httpMethod": method,
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0"},
            "path": f"/{STAGE}{path}",
            "protocol": "HTTP/1.1",
            "requestId": "5c6d7e8f-0000-4000-8000-000000000001",
            "requestTimeEpoch": 1_795_305_600_000,
            "resourcePath": "/{proxy+}",
            "stage": STAGE,
        },
        "body": _text_of(body, binary=binary),
        "isBase64Encoded": binary,
    }


def _text_of(body: bytes | None, *, binary: bool) -> str | None:
    if body is None:
        return None
    return base64.b64encode(body).decode() if binary else body.decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any
    """Decoded JSON."""

    @property
    def is_problem(self) -> bool:
        """As RFC 9457 has it, with the same status inside and outside."""
        return (
            self.headers["content-type"] == "application/problem+json" and self.body["status"] == self.status
        )


def answer_of(returned: Any) -> Answer:
    """What the handler returned, as the client of the API sees it."""
    assert isinstance(returned, dict), returned
    assert "statusCode" in returned, returned
    text = returned["body"]
    content = base64.b64decode(text) if returned["isBase64Encoded"] else text
    return Answer(
        status=returned["statusCode"],
        headers={name.lower(): value for name, value in returned["headers"].items()},
        body=json.loads(content),
    )
