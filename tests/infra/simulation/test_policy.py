"""Step scaling's arithmetic, held to Application Auto Scaling's user guide and its own examples."""

from __future__ import annotations

import pytest

from infra.simulation.policy import Scaler, StepAdjustment, StepPolicy, percent_change

INF = float("inf")


def policy(
    *steps: tuple[float, float, int], kind: str = "PercentChangeInCapacity", **changes: object
) -> StepPolicy:
    values: dict[str, object] = {"min_magnitude": 0, "aggregation": "Average", "cooldown": 300.0} | changes
    return StepPolicy(
        name="Test",
        adjustment_type=kind,
        steps=tuple(StepAdjustment(lower=low, upper=high, adjustment=by) for low, high, by in steps),
        **values,  # type: ignore[arg-type]
    )


OUT = policy((0, 10, 0), (10, 20, 10), (20, INF, 30))
IN = policy((-10, 0, 0), (-20, -10, -10), (-INF, -20, -30))


@pytest.mark.parametrize(
    ("capacity", "percent", "change"),
    [
        (10, 127, 12),
        (67, 1, 1),
        (29, -2, -1),
        (29, -23, -6),
        (10, 10, 1),
        (11, 30, 3),
        (14, -10, -1),
        (13, -30, -3),
        (1, 100, 1),
        (1, -50, -1),
        (4, 25, 1),
        (0, 900, 0),
        (0, -50, 0),
    ],
)
def test_rounding(capacity: int, percent: int, change: int) -> None:
    assert percent_change(capacity, percent) == change


def test_the_least_magnitude() -> None:
    assert percent_change(4, 25, min_magnitude=2) == 2
    assert percent_change(4, -25, min_magnitude=2) == -2
    assert percent_change(20, 25, min_magnitude=2) == 5
    assert percent_change(0, 25, min_magnitude=2) == 0


@pytest.mark.parametrize(
    ("policy_", "capacity", "value", "change"),
    [
        # The guide's example: a threshold of 50, ten tasks.
        (OUT, 10, 50, 0),
        (OUT, 10, 59.9, 0),
        (OUT, 10, 60, 1),
        (OUT, 11, 69.9, 1),
        (OUT, 11, 70, 3),
        (IN, 14, 40.1, 0),
        (IN, 14, 40, -1),
        (IN, 13, 30.1, -1),
        (IN, 13, 30, -3),
        # Outside of all steps.
        (OUT, 10, 40, 0),
        (IN, 10, 60, 0),
    ],
)
def test_bounds_count_from_the_threshold(
    policy_: StepPolicy, capacity: int, value: float, change: int
) -> None:
    assert policy_.change(capacity, [value], threshold=50) == change


def test_the_kinds_of_adjustments() -> None:
    assert policy((0, INF, 5), kind="ChangeInCapacity").change(3, [1], threshold=0) == 5
    assert policy((0, INF, 5), kind="ExactCapacity").change(3, [1], threshold=0) == 2
    with pytest.raises(ValueError, match="not known"):
        policy((0, INF, 5), kind="Other").change(3, [1], threshold=0)


@pytest.mark.parametrize(("aggregation", "change"), [("Maximum", 4), ("Average", 2), ("Minimum", 1)])
def test_several_values_are_one(aggregation: str, change: int) -> None:
    steps = policy((0, 2, 1), (2, 4, 2), (4, INF, 4), kind="ChangeInCapacity", aggregation=aggregation)
    assert steps.change(1, [1, 3, 5], threshold=0) == change


def scaler(desired: int, **changes: bool) -> Scaler:
    return Scaler(min_tasks=1, max_tasks=10, desired=desired, **changes)


STEPS = policy((0, 1, 2), (1, 2, 3), (2, INF, 20), kind="ChangeInCapacity")


def test_within_a_cooldown_only_the_difference_is_added() -> None:
    scaling = scaler(2)
    assert scaling.ask(STEPS, [0.5], threshold=0, now=0) == 2
    assert scaling.ask(STEPS, [0.5], threshold=0, now=60) == 0
    assert scaling.ask(STEPS, [1.5], threshold=0, now=120) == 1
    assert scaling.ask(STEPS, [1.5], threshold=0, now=180) == 0
    # The cooldown began anew with the last that was added.
    assert scaling.ask(STEPS, [0.5], threshold=0, now=400) == 0
    assert scaling.ask(STEPS, [0.5], threshold=0, now=420) == 2
    assert scaling.desired == 7


def test_a_percentage_within_a_cooldown_is_of_before() -> None:
    doubles = policy((0, 1, 50), (1, INF, 100))
    scaling = scaler(4)
    assert [scaling.ask(doubles, [v], threshold=0, now=n * 60) for n, v in enumerate((0.5, 0.5, 1.5))] == [
        2,
        0,
        2,
    ]
    scaling = scaler(4, counts_from_now=True)
    assert [scaling.ask(doubles, [v], threshold=0, now=n * 60) for n, v in enumerate((0.5, 0.5, 1.5))] == [
        2,
        1,
        3,
    ]


def test_a_cooldown_after_a_scale_in_stops_scale_ins_only() -> None:
    scaling = scaler(8)
    lower = policy((-INF, 0, -25))
    assert scaling.ask(lower, [0.1], threshold=0.5, now=0) == -2
    assert scaling.ask(lower, [0.1], threshold=0.5, now=60) == 0
    assert scaling.ask(STEPS, [0.5], threshold=0, now=60) == 2
    assert scaling.ask(lower, [0.1], threshold=0.5, now=300) == -2


def test_the_bounds() -> None:
    scaling = scaler(8)
    assert scaling.ask(STEPS, [5], threshold=0, now=0) == 2
    assert scaling.ask(STEPS, [5], threshold=0, now=1_000) == 0
    scaling = scaler(1)
    assert scaling.ask(policy((-INF, 0, -50)), [0], threshold=0.5, now=0) == 0
