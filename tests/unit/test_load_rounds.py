"""What runs in turns say together."""

from __future__ import annotations

import pytest

from tests.load.rounds import Spread, in_turns, number, ratios, spread


def test_a_spread_is_the_median_with_the_ends() -> None:
    assert spread([3, 100, 1]) == Spread(median=3, lowest=1, highest=100)
    assert str(spread([1_234.4, 1_100, 1_300])) == "1,234 (1,100-1,300)"


def test_a_ratio_is_taken_within_each_round() -> None:
    """A machine that is half as fast in the second round is so for both."""
    assert ratios([200, 100], to=[20, 10]) == Spread(median=10, lowest=10, highest=10)
    with pytest.raises(ValueError, match="zip"):
        ratios([1], to=[1, 2])


def test_subjects_take_turns_and_lead_alternately(capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def subject(name: str) -> int:
        order.append(name)
        return len(order)

    found = in_turns({"a": lambda: subject("a"), "b": lambda: subject("b")}, rounds=3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert "round 3 of 3: b" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "text"),
    [(12_345.6, "12,346"), (99.94, "99.9"), (9.876, "9.88"), (0.7, "0.70"), (0.0456, "0.046"), (0, "0")],
)
def test_numbers_are_for_people(value: float, text: str) -> None:
    assert number(value) == text
