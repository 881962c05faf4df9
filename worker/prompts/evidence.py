"""Quotes held against the event: a model may be wrong about what it read, and this finds out."""

from __future__ import annotations

import json
import re

from core.domain.event import EventContent

_SPACE = re.compile(r"\s+")
_SHORTEST = 8
"""Shorter quotes would be found in many a text and prove nothing."""


def verified(quotes: list[str], content: EventContent) -> tuple[str, ...]:
    """Those quotes that stand in the event, in order and once each. White space may differ."""
    haystack = _squeezed("\n".join(_texts(content)))
    found: dict[str, None] = {}
    for quote in quotes:
        needle = _squeezed(quote)
        if len(needle) >= _SHORTEST and needle in haystack:
            found[quote.strip()] = None
    return tuple(found)


def _squeezed(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _texts(content: EventContent) -> list[str]:
    texts = [
        content.message,
        content.stack,
        content.method,
        content.path,
        content.environment,
        content.release,
    ]
    request = f"{content.method or ''} {content.path or ''} {content.status_code}"
    extra = json.dumps(content.extra, ensure_ascii=False, default=str) if content.extra else ""
    return [*(text for text in texts if text), request, extra]
