"""What AWS's APIs look like on the wire, by botocore's own descriptions of them.

Requests of the query and JSON protocols become dicts, and dicts become answers, so that a fake says
what it means in the shapes that boto3's users know.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")


class AwsFault(Exception):
    """What a fake raises where AWS would refuse."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        self.code = code
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    service: str
    operation: str
    given: Mapping[str, Any]


def read_request(headers: Mapping[str, str], body: bytes) -> Request:
    """A signed request of any service that speaks the query or the JSON protocol."""
    scope = _SCOPE.search(headers.get("Authorization", ""))
    if scope is None:
        raise AwsFault("MissingAuthenticationToken", "the request is not signed", status=403)
    service = scope[1]
    target = headers.get("X-Amz-Target")
    if target:
        return Request(service=service, operation=target.rpartition(".")[2], given=json.loads(body or b"{}"))
    form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    return Request(service=service, operation=form.pop("Action"), given=_unflatten(form))


def write_answer(request: Request, answer: Mapping[str, Any]) -> tuple[str, bytes]:
    """Content type and body."""
    model = _model(request.service)
    operation = model.operation_model(request.operation)
    if model.metadata["protocol"] == "json":
        shaped = _json(operation.output_shape, answer) if operation.output_shape else {}
        return "application/x-amz-json-1.1", json.dumps(shaped).encode()
    inner = _xml(operation.output_shape, answer) if operation.output_shape else ""
    name = request.operation
    return "text/xml", (
        f"<{name}Response><{name}Result>{inner}</{name}Result>"
        f"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{name}Response>"
    ).encode()


def write_fault(service: str, fault: AwsFault) -> tuple[str, bytes]:
    if _model(service).metadata["protocol"] == "json":
        return "application/x-amz-json-1.1", json.dumps(
            {"__type": fault.code, "message": str(fault)}
        ).encode()
    return "text/xml", (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{fault.code}</Code>"
        f"<Message>{escape(str(fault))}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    ).encode()


@lru_cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def _unflatten(form: Mapping[str, str]) -> dict[str, Any]:
    """`Tags.member.1.Key=a` becomes {"Tags": [{"Key": "a"}]}."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        parts = name.split(".")
        node = tree
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = value
    listed = _listed(tree)
    assert isinstance(listed, dict)
    return listed


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"}:
        return [_listed(node["member"][number]) for number in sorted(node["member"], key=int)]
    return {name: _listed(value) for name, value in node.items()}


def _json(shape: Shape, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {name: _json(shape.members[name], each) for name, each in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, Sequence):
        return [_json(shape.member, each) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: _json(shape.value, each) for name, each in value.items()}
    return value


def _xml(shape: Shape, value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(shape.members[name], each)}</{name}>" for name, each in value.items())
    if isinstance(shape, ListShape) and isinstance(value, Sequence):
        return "".join(f"<member>{_xml(shape.member, each)}</member>" for each in value)
    return escape(str(value))
