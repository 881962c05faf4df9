"""Expressions for many literals find just those that a search for each would."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.literals import any_of, shortest

LITERALS = st.sets(st.text("ab-(", min_size=1, max_size=4), min_size=1, max_size=6)
TEXT = st.text("ab-(c", max_size=20)


@given(LITERALS, TEXT)
def test_one_of_the_shortest_is_where_any_is(literals: set[str], text: str) -> None:
    found = re.search(any_of(shortest(literals)), text)
    assert (found is not None) == any(literal in text for literal in literals)


@given(LITERALS, TEXT)
def test_what_is_found_is_a_literal(literals: set[str], text: str) -> None:
    assert set(re.findall(any_of(shortest(literals)), text)) <= literals


@pytest.mark.parametrize("literals", [["ab", "abc"], ["a", ""], ["x", "ab", "abcd"]])
def test_a_literal_that_would_hide_another_is_refused(literals: list[str]) -> None:
    with pytest.raises(ValueError, match="begins with another"):
        any_of(literals)
