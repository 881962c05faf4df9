"""What holds for every text: bounded answers, the same again the second time, and only documented errors."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.domain.clean import clean_json, clean_text
from core.domain.event import EventContent
from core.domain.fingerprint import MAX_TITLE, fingerprint
from core.domain.metadata import ProjectText
from core.domain.page import Cursor, decode_cursor
from core.domain.project_cut import LIMIT, clip, cut_parts, informative_cut
from core.domain.scrub import scrub_json
from core.domain.tags import LONGEST, comparison_key, normalise_tag
from core.domain.templates import normalise_message, path_template
from core.errors import InvalidInput
from tests.strategies import JSON, TEXT
from tests.unit.stacks import NAMES, read_stack


def event(**changes: Any) -> EventContent:
    fields: dict[str, Any] = {"message": "m", "status_code": 500, **changes}
    return EventContent(**fields)


@given(message=TEXT, stack=st.none() | TEXT, method=st.none() | TEXT, path=st.none() | TEXT)
def test_every_event_has_a_fingerprint(
    message: str, stack: str | None, method: str | None, path: str | None
) -> None:
    found = fingerprint(event(message=message, stack=stack, method=method, path=path))
    assert len(bytes.fromhex(found.value)) == 16
    assert len(found.title) <= MAX_TITLE
    assert found.title.splitlines() in ([], [found.title])
    assert found == fingerprint(event(message=message, stack=stack, method=method, path=path))


@given(st.uuids(), st.uuids(), st.integers(0, 10**9 - 1), st.integers(0, 10**9 - 1))
def test_ids_addresses_and_numbers_do_not_part_groups(a: UUID, b: UUID, m: int, n: int) -> None:
    said = "user {} at 0x{:016x} took {} ms, as {}"
    first = event(message=said.format(a, m, m, a), path=f"/users/{a}/orders/{m}?page={m}")
    second = event(message=said.format(b, n, n, b), path=f"/users/{b}/orders/{n}?page={n}")
    assert fingerprint(first).value == fingerprint(second).value


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("python", "java_", "node"))])
@given(st.integers(1, 99_999), st.integers(1, 99_999))
def test_lines_do_not_part_groups(name: str, here: int, there: int) -> None:
    stack = read_stack(name)
    moved = stack.replace(", line 1", f", line {here}").replace(".java:1", f".java:{there}")
    moved = moved.replace(".js:1", f".js:{here}")
    assert fingerprint(event(stack=moved)).value == fingerprint(event(stack=stack)).value


@given(TEXT)
def test_normal_forms_are_bounded(text: str) -> None:
    assert len(normalise_message(text)) <= 300
    template = path_template(text)
    assert template == "" or template.startswith("/")
    tag = normalise_tag(text)
    assert len(tag) <= LONGEST
    assert normalise_tag(tag) == tag
    assert comparison_key(text) == comparison_key(text)


@given(TEXT)
def test_clean_text_can_be_stored_and_stays(text: str) -> None:
    cleaned = clean_text(text)
    assert "\0" not in cleaned
    assert len(cleaned.encode()) <= 4 * len(text)
    assert clean_text(cleaned) == cleaned


@given(JSON)
@example(10**5_000)
@example({"a": {"a": 1}, "\x00": 1, "\ud800": 2})
def test_clean_json_can_be_stored_and_stays(value: object) -> None:
    cleaned = clean_json(value)
    json.dumps(cleaned, allow_nan=False).encode()
    assert clean_json(cleaned) == cleaned
    scrubbed = scrub_json(cleaned)
    assert scrub_json(scrubbed) == scrubbed


@given(TEXT, TEXT, TEXT, st.integers(0, 2 * LIMIT))
def test_a_cut_is_never_longer_than_its_limit(title: str, description: str, content: str, limit: int) -> None:
    text = ProjectText(title=title, description=description, content=content)
    assert len(informative_cut(text)) <= LIMIT
    assert len(informative_cut(text, limit=limit)) <= max(limit, 0)
    assert cut_parts(text) == cut_parts(text)
    assert len(clip(content, limit)) <= limit


@given(st.datetimes(), st.uuids())
def test_a_cursor_is_what_it_was(at: datetime, id_: UUID) -> None:
    cursor = Cursor(at=at.replace(tzinfo=UTC), id=id_)
    assert decode_cursor(cursor.encode()) == cursor


def _packed(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@given(TEXT | st.text("ABCabc019-_=+/", max_size=40) | st.binary(max_size=30).map(_packed))
@example("////////////////AAAAAAAAAAAAAAAA")
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        decode_cursor(text)
    except InvalidInput as refused:
        assert [problem.field for problem in refused.problems] == ["cursor"]  # noqa: PT017
