"""What atheris feeds with bytes: each target raises for what must never happen, and for nothing else.

It imports no test tool, since it runs in an environment of its own.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from collections.abc import Callable

from core.domain.event import EventContent
from core.domain.fingerprint import MAX_TITLE
from core.domain.fingerprint import fingerprint as fingerprint_of
from core.domain.log_lines import LogLine, join, read
from core.domain.metadata import ProjectText
from core.domain.page import decode_cursor
from core.domain.project_cut import LIMIT, informative_cut
from core.domain.scrub import scrub_text
from core.domain.stacktrace import parse
from core.errors import InvalidInput
from handlers import bodies, buffering, gateway_events, log_payload

_MOST_MESSAGE = 8_000


def stack(data: bytes) -> None:
    text = data.decode(errors="replace")
    for link in parse(text).exceptions:
        assert link.header in text
        assert all(frame.raw and frame.raw in text for frame in link.frames)


def fingerprint(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    found = fingerprint_of(EventContent(message=text, path=text, stack=text, method=text, status_code=500))
    assert len(found.title) <= MAX_TITLE


def scrubber(data: bytes) -> None:
    once = scrub_text(data.decode(errors="replace"))
    assert scrub_text(once) == once


def log_line(data: bytes) -> None:
    text = data.decode(errors="replace")
    found = read(text, source="web")
    assert found is None or 0 < len(found.message) <= _MOST_MESSAGE
    lines = [LogLine(id=str(number), timestamp=0, text=line) for number, line in enumerate(text.split("\n"))]
    assert len(join(lines)) <= len(lines)


def project_text(data: bytes) -> None:
    text = data.decode(errors="replace")
    title, _, content = text.partition("\n")
    assert len(informative_cut(ProjectText(title=title, content=content))) <= LIMIT


def body(data: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        json.dumps(bodies.decode(data), ensure_ascii=False).encode()


def cursor(data: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        decode_cursor(data.decode(errors="replace"))


def buffered_event(data: bytes) -> None:
    for text in (data.decode(errors="replace"), base64.b64encode(data).decode()):
        with contextlib.suppress(InvalidInput):
            buffering.decode(text)


def log_events(data: bytes) -> None:
    for packed in (data, gzip.compress(data, 1)):
        with contextlib.suppress(InvalidInput):
            payload = {"awslogs": {"data": base64.b64encode(packed).decode()}}
            list(log_payload.lines_of(log_payload.decode(payload)))


def gateway_event(data: bytes) -> None:
    with contextlib.suppress(ValueError, InvalidInput, RecursionError):
        gateway_events.checked(json.loads(data))


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        stack,
        fingerprint,
        scrubber,
        log_line,
        project_text,
        body,
        cursor,
        buffered_event,
        log_events,
        gateway_event,
    )
}
