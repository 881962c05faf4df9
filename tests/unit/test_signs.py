"""What says that an expression need not be tried is true of no text that the expression matches."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.domain import (
    scrub,
    secret_lists,
    secret_named,
    secret_pairs,
    secret_prose,
    secret_shapes,
    templates,
)
from core.domain.expressions import Expression
from core.domain.secret_names import is_secret_name
from core.domain.secret_prose import _COMMAND_SIGNS
from core.domain.secret_shapes import _TRIGGERS
from core.domain.signs import holds_any, may_match
from core.domain.stacktrace import names, origin
from tests.unit.test_scrub_properties import HOSTILE

Told = Callable[[str], object]


def named(text: str) -> bool:
    return may_match(secret_named._VALUE_SIGN, text.lower())


def in_sentence(text: str) -> bool:
    return secret_prose._may_hold_sentence(text.lower())


def of_key(trigger: str) -> Told:
    return lambda text: trigger not in text or _TRIGGERS.may_match(text)


CASES: dict[str, tuple[Expression, Told]] = {
    "sentence": (secret_prose._SENTENCE, in_sentence),
    "pair": (secret_lists._PAIR, lambda text: secret_lists._LISTED().search(text + "'")),
    "item": (secret_lists._ITEM, lambda text: secret_lists._LISTED().search(text + "'")),
    "attributes": (secret_named._NAMED, named),
    "YAML": (secret_named._YAML, named),
    "value first": (secret_named._VALUE_FIRST, named),
    "card": (secret_shapes._CARD, secret_shapes.may_hold_card),
    "function": (names._FUNCTION_NOISE, names._NOISE_SIGN.search),
    "message": (templates._VARIABLE, templates._VARIABLE_SIGN.search),
}
CASES |= {
    f"command {literal}": (pattern, lambda text: holds_any(text.lower(), _COMMAND_SIGNS))
    for literal, pattern in secret_prose._COMMAND_LINES
}
CASES |= {
    trigger: (shape.expression, of_key(trigger)) for trigger, shape in secret_shapes._BY_TRIGGER.items()
}
quickly = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_whatever_matches_has_the_sign(case: tuple[Expression, Told]) -> None:
    expression, has_sign = case[0](), case[1]

    @quickly
    @given(st.from_regex(expression))
    def check(text: str) -> None:
        if expression.sub("", text) != text:
            assert has_sign(text)

    check()


@given(HOSTILE)
@example("4111 1111 1111 1111")
@example("pa\u017f\u017fword: hunter22")
def test_no_rule_changes_what_was_told_harmless(text: str) -> None:
    if scrub._is_harmless(text):
        assert scrub._scrub_plain(text) == text


@given(
    st.lists(
        st.sampled_from(
            [*secret_pairs.PARTS_OF_NAMES, "word", "ential", "ion", "api", "id", "Key", "-", "_", "."]
        )
    ).map("".join)
)
@example("cred-ential")
@example("SESS-ION_ID")
def test_secret_names_have_one_of_the_parts(name: str) -> None:
    if is_secret_name(name):
        assert secret_pairs.names_from(name.lower()) is not None


@pytest.mark.parametrize(
    "text",
    [
        "pa\u017f\u017fword is hunter22",
        "the ap\u0130 key is abcdef123456",
        "acce\u017f\u017f_key: abcdef123456",
    ],
)
def test_letters_that_only_look_like_ascii_are_no_way_around(text: str) -> None:
    assert in_sentence(text)


@given(st.from_regex(origin._PYTHON_LIBRARY()))
def test_library_files_of_python_are_told(file: str) -> None:
    assert not origin.python_in_app(file)
