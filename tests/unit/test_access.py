"""Keys and scopes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.access import Caller, Scope, Shape, new_key, shape_of

KEY = "rn_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def test_a_new_key_is_checked_and_never_twice_the_same() -> None:
    made = {new_key() for _ in range(200)}
    assert len(made) == 200
    assert {shape_of(key) for key in made} == {Shape.CHECKED}
    assert {len(key) for key in made} == {52}


def test_the_checksum_is_a_crc_in_base_62() -> None:
    """A fixed one, since keys that were handed out must stay what they are."""
    assert shape_of(KEY + "33KCQZ") is Shape.CHECKED


@given(at=st.integers(3, 51), letter=st.sampled_from("0aZ_-"))
def test_a_mistyped_key_is_broken(at: int, letter: str) -> None:
    key = new_key()
    typed = key[:at] + letter + key[at + 1 :]
    if typed != key:
        assert shape_of(typed) is not Shape.CHECKED


@pytest.mark.parametrize(
    "text", ["", "rn_", "rn_wrong", KEY, new_key() + "0", new_key()[:-1], "x" + new_key()]
)
def test_other_texts_say_nothing(text: str) -> None:
    assert shape_of(text) is Shape.UNKNOWN


@given(st.text())
def test_any_text_has_a_shape(text: str) -> None:
    assert shape_of(text) in Shape


def test_each_scope_holds_those_before_it() -> None:
    order = [Scope.INGEST, Scope.READ, Scope.WRITE, Scope.ADMIN]
    for has in order:
        assert [has.covers(needs) for needs in order] == [
            order.index(needs) <= order.index(has) for needs in order
        ]


def test_who_is_bound_to_a_project_may_use_no_other() -> None:
    assert Caller(scope=Scope.READ).may_use("any")
    bound = Caller(scope=Scope.READ, project_key="mine")
    assert (bound.may_use("mine"), bound.may_use("theirs")) == (True, False)
