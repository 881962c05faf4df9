"""What counts as a JSON object in a model's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidAnswer
from worker.providers.answers import parse_json_object


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '  \n{"a": 1}\n',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}\n```',
        'Here it is:\n```json\n{"a": 1}\n```\nI hope that it helps {you}.',
        '[note] {"a": 1}',
        '\ufeff{"a": 1}',
    ],
)
def test_finds_the_object(text: str) -> None:
    assert parse_json_object(text) == {"a": 1}


def test_keeps_what_is_inside_strings() -> None:
    text = '{"fix": "use ```json\\n{}\\n``` and \\\\u0000", "n": [1, {"é": null}]}'

    assert parse_json_object(text) == {"fix": "use ```json\n{}\n``` and \\u0000", "n": [1, {"é": None}]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("I cannot say.", "no JSON object"),
        ('"text"', "no JSON object"),
        ('[{"a": 1}]', "array"),
        ('{"a": {"b": 1}, "c": "cut o', "breaks off"),
        ("{'a': 1}", "breaks off"),
        ('{"a": NaN}', "number"),
        ('{"a": -Infinity}', "number"),
        ('{"a": ' + "9" * 5_000 + "}", "number"),
        ('{"a": ' + "[" * 100_000, "deeply"),
        ('{"a": ["\\u0000"]}', "U\\+0000"),
        ('{"\\u0000": 1}', "U\\+0000"),
        ('{"a": "\\ud800"}', "surrogate"),
    ],
)
def test_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(InvalidAnswer, match=problem):
        parse_json_object(text)


@given(st.text())
def test_any_text_is_an_object_or_invalid(text: str) -> None:
    try:
        found = parse_json_object("{" + text)
    except InvalidAnswer:
        return
    assert isinstance(found, dict)
