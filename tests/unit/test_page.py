"""Cursors: what goes out comes back, and nothing else is taken."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.page import Cursor, decode_cursor
from core.errors import InvalidInput


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_round_trip(at: datetime, id_: object) -> None:
    cursor = Cursor(at=at, id=uuid4())
    assert decode_cursor(cursor.encode()) == cursor


@given(st.text(max_size=100))
def test_anything_else_is_refused_unless_it_is_a_cursor(text: str) -> None:
    with suppress(InvalidInput):
        assert isinstance(decode_cursor(text), Cursor)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "é", "A" * 31 + "=", "_" * 33])
def test_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_cursor(text)
    assert caught.value.problems[0].field == "cursor"
