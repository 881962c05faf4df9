"""The JSON of `error_events.payload` and the record it stands for."""

from __future__ import annotations

from typing import Any

from core.domain.event import EventContent

_TEXTS = ("stack", "method", "path", "environment", "release")


def payload_of(content: EventContent) -> dict[str, object]:
    """Only what the client said: an absent field is an absent key."""
    payload: dict[str, object] = {"message": content.message}
    for name in _TEXTS:
        if (value := getattr(content, name)) is not None:
            payload[name] = value
    if content.extra:
        payload["extra"] = dict(content.extra)
    return payload


def content_of(status_code: int, payload: dict[str, Any]) -> EventContent:
    return EventContent(
        status_code=status_code,
        message=payload["message"],
        extra=payload.get("extra", {}),
        **{name: payload.get(name) for name in _TEXTS},
    )
