"""Request bodies: read within a limit, decoded, and held against their schema."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.types import Receive

from core import deadline
from core.domain.clean import clean_text
from core.domain.validation import problems_of
from core.errors import FieldProblem, InvalidInput, MalformedBody, TooSlow
from core.settings import Settings
from handlers.inflate import Unpacker, too_large, unpacker_for

M = TypeVar("M", bound=BaseModel)

_LONGEST_INT = 1_000
_LONGEST_LENGTH = 18


async def read_body(request: Request, settings: Settings) -> bytes:
    """The body, unpacked. Raises TooLarge as soon as the limit is passed, whatever Content-Length says;
    TooSlow, also where the request's own time is up first; MalformedBody; UnsupportedEncoding.

    Content-Type is not looked at: what is no JSON is refused as such, and what is JSON was meant.
    """
    limit = settings.max_body_bytes
    unpacker = unpacker_for(request.headers.get("content-encoding", ""), limit=limit)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) <= _LONGEST_LENGTH and int(declared) > limit:
        raise too_large(limit)
    seconds = deadline.limit(settings.body_timeout)
    try:
        with deadline.Timeout(seconds):
            pieces = await _pieces(request.receive, unpacker)
    except TimeoutError as exc:
        message = f"did not come within {round(seconds, 1):g} seconds"
        raise TooSlow(FieldProblem(field="body", message=message)) from exc
    unpacker.finish()
    return b"".join(pieces)


async def _pieces(receive: Receive, unpacker: Unpacker) -> list[bytes]:
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedBody(FieldProblem(field="body", message="was cut off"))
        pieces.append(unpacker.feed(message.get("body", b"")))
        if not message.get("more_body", False):
            return pieces


def parse(model: type[M], body: bytes) -> M:
    """Raises InvalidInput naming each wrong field, MalformedBody for what is no JSON."""
    try:
        return model.model_validate_json(body)
    except ValidationError as exc:
        if exc.error_count() > 1 or exc.errors(include_url=False)[0]["type"] != "json_invalid":
            raise InvalidInput(*problems_of(exc)) from exc
    return validate(model, decode(body))


def validate(model: type[M], value: object, *, prefix: str = "") -> M:
    """Hold a decoded value against its schema. `prefix` comes before each field's name."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        raise InvalidInput(*problems_of(exc, prefix=prefix)) from exc


def decode(body: bytes) -> Any:
    """JSON to Python, with lone surrogates replaced. Raises MalformedBody.

    The fast parser is right to refuse lone surrogates, but JavaScript sends them when it cuts a
    string in the middle of an emoji, and the error inside is still worth having.
    """
    try:
        return from_json(body)
    except ValueError:
        pass
    try:
        return _cleaned(json.loads(body.decode("utf-8-sig"), parse_int=_int_or_text))
    except UnicodeDecodeError as exc:
        raise MalformedBody(FieldProblem(field="body", message="is not UTF-8")) from exc
    except RecursionError as exc:
        raise MalformedBody(FieldProblem(field="body", message="is nested too deeply")) from exc
    except ValueError as exc:
        message = "is empty" if not body.strip() else f"is not JSON: {exc}"
        raise MalformedBody(FieldProblem(field="body", message=message)) from exc


def _int_or_text(digits: str) -> int | str:
    """Python refuses to read very long numbers, since it takes quadratic time: they stay text."""
    return int(digits) if len(digits) <= _LONGEST_INT else digits


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): _cleaned(item) for key, item in value.items()}
    return value
