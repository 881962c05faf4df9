"""What holds for every message that comes in, by HTTP, SQS, CloudWatch Logs or from a file."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.domain.clean import clean_json, clean_text
from core.domain.event import EventContent
from core.errors import InvalidInput, MalformedBody, TooLarge
from core.operations.imports import from_csv
from core.operations.project_input import ProjectIn
from handlers import bodies, buffering, log_payload
from handlers.buffering import BufferedEvent
from handlers.receive import Incoming
from handlers.schemas import EventIn
from tests.strategies import JSON, TEXT


def _written(value: object) -> bytes:
    return json.dumps(value).encode()


def _packed(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@given(
    st.binary(max_size=60) | JSON.map(_written) | TEXT.map(lambda text: text.encode(errors="surrogatepass"))
)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"9" * 100_000)
@example(b"\xff\xfe{\x00}\x00")
def test_any_body_is_json_or_refused(body: bytes) -> None:
    try:
        decoded = bodies.decode(body)
    except MalformedBody:
        return
    json.dumps(decoded, ensure_ascii=False).encode()


@given(JSON | st.dictionaries(st.sampled_from([*EventIn.model_fields, "x"]), JSON))
def test_any_value_is_an_event_or_refused(value: object) -> None:
    try:
        bodies.validate(EventIn, value)
    except InvalidInput as refused:
        assert len(refused.problems) <= 21  # noqa: PT017


@given(st.dictionaries(st.sampled_from([*ProjectIn.model_fields, "x"]), JSON))
def test_any_row_is_a_project_or_refused(row: dict[str, Any]) -> None:
    cells: dict[str | None, Any] = {name: str(value) for name, value in row.items()}
    for fields in (row, from_csv(cells), from_csv(cells | {None: ["a"]})):
        try:
            ProjectIn.model_validate(fields)
        except ValidationError as refused:
            assert refused.error_count()  # noqa: PT017


def _buffered(message: str, extra: dict[str, Any]) -> BufferedEvent:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    content = EventContent(status_code=500, message=message, extra=extra)
    incoming = Incoming(project_key="shop", content=content, occurred_at=at, event_key=None)
    return BufferedEvent(event=incoming, key_hash="0" * 64, request_id="r")


@given(TEXT.map(clean_text), JSON.map(clean_json))
def test_a_buffered_event_comes_back(message: str, extra: Any) -> None:
    buffered = _buffered(message, {"x": extra})
    assert buffering.decode(buffering.encode(buffered)) == buffered


@given(
    TEXT
    | st.binary(max_size=60).map(_packed)
    | TEXT.map(lambda text: _packed(zlib.compress(text.encode(errors="replace"))))
    | JSON.map(json.dumps)
)
@example(_packed(zlib.compress(bytes(200 * 2**20))))
@example("{" + '"event":{' * 50_000)
def test_any_message_is_a_buffered_event_or_refused(body: str) -> None:
    with pytest.raises(InvalidInput):
        buffering.decode(body)


@given(
    JSON
    | st.fixed_dictionaries({"awslogs": JSON | st.fixed_dictionaries({"data": JSON})})
    | JSON.map(lambda value: {"awslogs": {"data": _packed(gzip.compress(_written(value)))}})
)
def test_any_payload_is_log_events_or_refused(payload: Any) -> None:
    with pytest.raises((MalformedBody, TooLarge)):
        log_payload.decode(payload)


_LOG_EVENT = st.fixed_dictionaries({"id": TEXT, "timestamp": st.integers(), "message": TEXT})


@given(st.lists(JSON | _LOG_EVENT, max_size=4) | JSON)
def test_any_log_event_is_a_line_or_none(events: Any) -> None:
    packed = gzip.compress(_written({"logGroup": "g", "logEvents": events}))
    data = log_payload.decode({"awslogs": {"data": _packed(packed)}})
    assert len(list(log_payload.lines_of(data))) == (len(events) if isinstance(events, list) else 0)
