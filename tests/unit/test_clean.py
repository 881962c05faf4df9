from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.clean import clean_json, clean_text, holds_more_than
from core.errors import InvalidInput

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a\0b", "a\ufffdb"),
        ("é\0", "é\ufffd"),
        ("\ud800x", "\ufffdx"),
        ("x\udfff", "x\ufffd"),
        ("\U0001f600 stays", "\U0001f600 stays"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_text_becomes_storable(text: str, expected: str) -> None:
    assert clean_text(text) == expected


def test_text_that_is_clean_is_not_copied() -> None:
    text = "nothing to do" * 3
    assert clean_text(text) is text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        (-(2**63), -(2**63)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (1.5, 1.5),
        ({"a\0": ["\ud800", {"b": (1, 2)}]}, {"a\ufffd": ["\ufffd", {"b": [1, 2]}]}),
        ({1: "x"}, {"1": "x"}),
    ],
)
def test_json_becomes_storable(value: object, expected: object) -> None:
    assert clean_json(value) == expected


def test_an_integer_too_long_for_decimals_is_kept_as_hexadecimal() -> None:
    assert clean_json(10**5_000) == hex(10**5_000)


def test_json_may_be_as_deep_as_allowed_and_no_deeper() -> None:
    deep: object = "leaf"
    for _ in range(3):
        deep = {"k": deep}
    assert clean_json(deep, max_depth=3) == deep
    with pytest.raises(InvalidInput) as caught:
        clean_json([deep], max_depth=3, field="events.2.extra")
    assert caught.value.problems[0].field == "events.2.extra"
    assert "3 levels" in caught.value.problems[0].message


def test_hostile_depth_is_refused_before_python_runs_out_of_stack() -> None:
    deep: object = []
    for _ in range(50_000):
        deep = [deep]
    with pytest.raises(InvalidInput):
        clean_json(deep)


@given(JSON)
def test_the_result_survives_strict_json_and_utf8(value: object) -> None:
    cleaned = clean_json(value)
    text = json.dumps(cleaned, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    assert "\\u0000" not in text
    assert clean_json(cleaned) == cleaned


def test_values_are_counted_at_all_depths() -> None:
    value = {"a": [1, {"b": [None] * 5}], "c": "text"}
    assert not holds_more_than(value, 10)
    assert holds_more_than(value, 9)
    assert not holds_more_than("text", 0)
    assert not holds_more_than([], 0)
