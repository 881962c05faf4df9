"""Quotes held against the event: a model may be wrong about what it read, and this finds out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from core.domain.event import EventContent
from core.domain.untrusted_text import shown

_SPACE = re.compile(r"\s+")
_UNPLAIN = re.compile(r"[^\w.-]")
_LONGEST_NAME = 60
_SHORTEST = 8
"""Shorter quotes would be found in many a text and prove nothing."""


def verified(quotes: list[str], content: EventContent) -> tuple[str, ...]:
    """Those quotes that stand in one field of the event, in order and once each. White space may differ."""
    fields = dict(_fields(content))
    found: dict[str, None] = {}
    for quote in quotes:
        if _source(quote, fields) is not None:
            found[quote.strip()] = None
    return tuple(found)


def sources_of(quotes: tuple[str, ...], content: EventContent) -> tuple[str, ...]:
    """For each quote the field that it stands in: `message`, `stack`, `path`, `extra.user`, `event`...

    `request` is method, path and status together; `event`: in none, so that it was put together.
    """
    fields = dict(_fields(content))
    return tuple(_source(quote, fields) or "event" for quote in quotes)


def _source(quote: str, fields: dict[str, str]) -> str | None:
    needle = _squeezed(quote)
    if len(needle) < _SHORTEST:
        return None
    return next((name for name, text in fields.items() if needle in text), None)


def _squeezed(text: str) -> str:
    return _SPACE.sub(" ", shown(text)).strip()


def _fields(content: EventContent) -> Iterator[tuple[str, str]]:
    """Names and texts, as a quote is looked for in them; the whole of `extra` after its parts."""
    for name in ("message", "stack", "method", "path", "environment", "release"):
        if text := getattr(content, name):
            yield name, _squeezed(text)
    yield "request", _squeezed(f"{content.method or ''} {content.path or ''} {content.status_code}")
    for key, value in content.extra.items():
        name = _UNPLAIN.sub("_", key[:_LONGEST_NAME])
        yield f"extra.{name}", _squeezed(value if isinstance(value, str) else _json(value))
    if content.extra:
        yield "extra", _squeezed(_json(content.extra))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
