"""Alarms, held to the user guide's examples of missing data."""

from __future__ import annotations

import pytest

from infra.simulation.alarm import Alarm, Metric, Query
from infra.simulation.metric_math import Series, UnknownMath

METRIC = Metric(namespace="Rootnote", name="Backlog", statistic="Maximum")


def alarm(*, periods: int, datapoints: int, missing: str = "notBreaching") -> Alarm:
    """In ALARM above 3."""
    return Alarm(
        name="Test",
        policy="Policy",
        queries=(Query(id="m", returns=True, metric=METRIC),),
        comparison="GreaterThanThreshold",
        threshold=3,
        evaluation_periods=periods,
        datapoints=datapoints,
        treat_missing=missing,
    )


def is_breached(alarm: Alarm, picture: str) -> bool:
    """`picture`: five minutes, newest last; X breaches, 0 does not, - is missing."""
    values = {minute: 9.0 if mark == "X" else 0.0 for minute, mark in enumerate(picture) if mark != "-"}

    def series(_: Metric, minutes: range) -> Series:
        return {minute: values[minute] for minute in minutes if minute in values}

    return alarm.breach(len(picture) - 1, series) is not None


@pytest.mark.parametrize(
    ("picture", "breached"),
    [
        ("0-X-X", False),
        ("0----", False),
        ("-----", False),
        ("0XX-X", True),
        ("----X", False),
        ("00XXX", True),
        ("XXX00", False),
    ],
)
def test_three_of_three(picture: str, breached: bool) -> None:
    assert is_breached(alarm(periods=3, datapoints=3), picture) is breached


@pytest.mark.parametrize(
    ("picture", "breached"),
    [("0-X-X", True), ("00X0X", True), ("0-X--", False), ("----0", False), ("----X", False)],
)
def test_two_of_three(picture: str, breached: bool) -> None:
    assert is_breached(alarm(periods=3, datapoints=2), picture) is breached


def test_one_of_one_takes_the_newest_that_exists() -> None:
    assert is_breached(alarm(periods=1, datapoints=1), "00X--")
    assert not is_breached(alarm(periods=1, datapoints=1), "X----")
    assert not is_breached(alarm(periods=1, datapoints=1), "0X0--")


def test_the_policy_gets_the_values_that_were_looked_at() -> None:
    values = {0: 1.0, 1: 5.0, 3: 7.0}
    seen = alarm(periods=2, datapoints=2).breach(
        3, lambda _, minutes: {m: values[m] for m in minutes if m in values}
    )
    assert seen == [5, 7]


def test_expressions_may_stand_in_any_order() -> None:
    alarm_ = Alarm(
        name="Test",
        policy="Policy",
        queries=(
            Query(id="twice", returns=True, expression="half * 4"),
            Query(id="half", returns=False, expression="m / 2"),
            Query(id="m", returns=False, metric=METRIC),
        ),
        comparison="LessThanThreshold",
        threshold=5,
        evaluation_periods=1,
        datapoints=1,
        treat_missing="notBreaching",
    )
    assert alarm_.breach(0, lambda *_: {0: 2.0}) == [4]


def test_what_is_not_known_is_said() -> None:
    with pytest.raises(ValueError, match="missing data as breaching"):
        alarm(periods=1, datapoints=1, missing="breaching")
    no_metric = Query(id="x", returns=True, expression="y")
    with pytest.raises(UnknownMath, match="no metric"):
        Alarm(
            name="Test",
            policy="Policy",
            queries=(no_metric,),
            comparison="GreaterThanThreshold",
            threshold=3,
            evaluation_periods=1,
            datapoints=1,
            treat_missing="notBreaching",
        ).breach(0, lambda *_: {})
