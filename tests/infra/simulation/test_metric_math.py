"""Metric math, held to what CloudWatch's user guide says of missing values."""

from __future__ import annotations

import pytest

from infra.simulation.metric_math import UnknownMath, evaluate, names_in

MINUTES = range(5)
A = {0: 10.0, 1: 20.0, 3: 40.0}
B = {0: 2.0, 2: 4.0, 3: 0.0}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("a", A),
        ("a / 10", {0: 1, 1: 2, 3: 4}),
        ("10 / a", {0: 1, 1: 0.5, 3: 0.25}),
        # A missing value is 0; a division by zero drops the minute.
        ("a + b", {0: 12, 1: 20, 2: 4, 3: 40}),
        ("a / b", {0: 5, 2: 0}),
        ("a / (b * b)", {0: 2.5, 2: 0}),
        ("-a", {0: -10, 1: -20, 3: -40}),
        ("FILL(a, 0)", {0: 10, 1: 20, 2: 0, 3: 40, 4: 0}),
        ("FILL(a, REPEAT)", {0: 10, 1: 20, 2: 20, 3: 40, 4: 40}),
        ("FILL(late, REPEAT)", {3: 7, 4: 7}),
        ("FILL(none, 0)", {0: 0, 1: 0, 2: 0, 3: 0, 4: 0}),
        ("FILL(none, REPEAT)", {}),
        ("a > 15", {0: 0, 1: 1, 3: 1}),
        ("a < b", {0: 0, 1: 0, 2: 1, 3: 0}),
        ("a > 15 AND b > 1", {0: 0, 1: 0, 2: 0, 3: 0}),
        ("a > 15 || b > 1", {0: 1, 1: 1, 2: 1, 3: 1}),
        ("IF(a > 15, 1, 0)", {0: 0, 1: 1, 3: 1}),
        # Where the condition holds and the value is missing: 0. Where it does not hold: dropped.
        ("IF(a > 5, b, 9)", {0: 2, 1: 0, 3: 0}),
        ("IF(a > 15, 9, b)", {0: 2, 1: 9, 3: 9}),
        ("IF(a > 25, 9, b)", {0: 2, 3: 9}),
    ],
)
def test_what_the_guide_says(expression: str, result: dict[int, float]) -> None:
    assert evaluate(expression, {"a": A, "b": B, "late": {3: 7.0}, "none": {}}, MINUTES) == result


def test_only_the_minutes_asked_for() -> None:
    assert evaluate("a + 1", {"a": A}, range(1, 3)) == {1: 21}


@pytest.mark.parametrize(
    "expression",
    [
        "a +",
        "SORT(a, MAX)",
        "a ** 2",
        "unknown",
        "FILL(1, 0)",
        "FILL(a, a)",
        "IF(1, a, a)",
        "1 + 1",
        "1 < a < 2",
    ],
)
def test_what_it_does_not_know_is_said(expression: str) -> None:
    with pytest.raises(UnknownMath):
        evaluate(expression, {"a": A}, MINUTES)


def test_the_names_of_an_expression() -> None:
    assert names_in("IF(FILL(tasks, REPEAT) < 1 AND oldest > 30, backlog, 0)") == {
        "tasks",
        "oldest",
        "backlog",
    }
