"""Log lines as AWS and the loggers print them, and what is expected of them."""

from __future__ import annotations

from core.domain.event import EventContent
from core.domain.fingerprint import fingerprint
from core.domain.log_lines import LoggedError, read

ID = "8f507cfc-4a1b-4697-b07a-ac58fc914c95"
AT = "2026-01-15T12:00:00.123Z"


def error(text: str, *, source: str = "shop-checkout") -> LoggedError:
    found = read(text, source=source)
    assert found is not None, text
    return found


def is_error(text: str) -> bool:
    return read(text, source="shop-checkout") is not None


def group(found: LoggedError) -> str:
    """The group that the error would fall into."""
    return _fingerprint(
        EventContent(
            message=found.message,
            status_code=found.status_code,
            stack=found.stack,
            method=found.method,
            path=found.path,
        )
    )


def group_over_http(*, message: str, stack: str) -> str:
    """The group of an event that a program sends by itself."""
    return _fingerprint(EventContent(message=message, status_code=500, stack=stack))


def _fingerprint(content: EventContent) -> str:
    return fingerprint(content).value
