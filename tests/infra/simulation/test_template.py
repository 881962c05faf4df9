"""`infra/scaling.yaml`, as it is read, and what must hold in it."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import pytest

from infra.simulation.alarm import Metric
from infra.simulation.metric_math import Series
from infra.simulation.template import Raw, Scaling, read, scaling_of

TEMPLATE = read()
DEFAULT = scaling_of(TEMPLATE)
AT_ZERO = scaling_of(TEMPLATE, {"MinTasks": 0})


def test_the_parameters_reach_everything() -> None:
    given = scaling_of(
        TEMPLATE, {"MinTasks": 0, "MaxTasks": 7, "AcceptableWaitSeconds": 120, "LongestJobSeconds": 45}
    )
    assert (given.min_tasks, given.max_tasks, given.acceptable_wait) == (0, 7, 120)
    expressions = [query.expression for alarm in given.alarms for query in alarm.queries if query.expression]
    assert sum("/ 120" in expression for expression in expressions) == 2
    assert sum("45" in expression for expression in expressions) == 1
    assert not any("$" in expression for expression in expressions)


def test_from_zero_is_there_only_where_zero_may_be() -> None:
    assert set(DEFAULT.policies) == {"ScaleOut", "ScaleIn"}
    assert set(AT_ZERO.policies) == {"ScaleOut", "ScaleIn", "ScaleFromZero", "ScaleToZero"}


@pytest.mark.parametrize("scaling", [DEFAULT, AT_ZERO])
def test_every_alarm_asks_a_policy_and_only_once(scaling: Scaling) -> None:
    assert sorted(alarm.policy for alarm in scaling.alarms) == sorted(scaling.policies)


@pytest.mark.parametrize("name", ["ScaleOut", "ScaleFromZero", "ScaleIn", "ScaleToZero"])
def test_steps_meet_without_a_gap_and_go_on_for_ever(name: str) -> None:
    steps = sorted(AT_ZERO.policies[name].steps, key=lambda step: step.lower)
    assert all(one.upper == other.lower for one, other in pairwise(steps))
    if name in ("ScaleIn", "ScaleToZero"):
        assert (steps[0].lower, steps[-1].upper) == (float("-inf"), 0)
        assert all(step.adjustment < 0 for step in steps)
    else:
        assert (steps[0].lower, steps[-1].upper) == (0, float("inf"))
        assert [step.adjustment for step in steps] == sorted(step.adjustment for step in steps)


def test_out_at_once_and_in_slowly() -> None:
    alarms = {alarm.policy: alarm for alarm in AT_ZERO.alarms}
    assert (alarms["ScaleOut"].evaluation_periods, alarms["ScaleOut"].datapoints) == (1, 1)
    for policy in ("ScaleIn", "ScaleToZero"):
        assert alarms[policy].datapoints >= 8
        # A minute or two that come late must not keep it from ever being breached.
        assert alarms[policy].datapoints < alarms[policy].evaluation_periods


def test_a_scale_in_is_decided_on_what_came_after_the_one_before() -> None:
    [alarm] = [alarm for alarm in DEFAULT.alarms if alarm.policy == "ScaleIn"]
    assert DEFAULT.policies["ScaleIn"].cooldown >= alarm.evaluation_periods * 60


def value_of(policy: str, **metrics: float) -> float | None:
    """Of the policy's alarm at a minute with these metrics; None: missing."""
    [alarm] = [alarm for alarm in AT_ZERO.alarms if alarm.policy == policy]
    names = {"BacklogSeconds": "work", "Backlog": "jobs", "JobSeconds": "job", "OldestDueSeconds": "oldest"}

    def series(metric: Metric, _: range) -> Series:
        value = metrics.get(names.get(metric.name, "tasks"))
        return {} if value is None else {0: float(value)}

    return alarm.values(range(1), series).get(0)


BUSY = {"work": 60.0, "jobs": 20.0, "job": 6.0, "oldest": 50.0}


@pytest.mark.parametrize(
    ("policy", "metrics", "value"),
    [
        # 60 s of work for four tasks that may wait for 300 s.
        ("ScaleOut", BUSY | {"tasks": 4}, 0.05),
        # Jobs of two minutes are models that time out, and count as 30 s.
        ("ScaleOut", BUSY | {"tasks": 4, "job": 120}, 0.0125),
        ("ScaleOut", BUSY, None),
        ("ScaleFromZero", BUSY, 0.2),
        ("ScaleFromZero", BUSY | {"oldest": 20}, 0),
        ("ScaleFromZero", BUSY | {"tasks": 4}, 0),
        ("ScaleIn", BUSY | {"tasks": 4}, 2.5),
        ("ScaleIn", {"work": 0, "job": 6, "tasks": 4}, 0),
        # The last task is not for this policy.
        ("ScaleIn", {"work": 0, "job": 6, "tasks": 1}, 1),
        ("ScaleToZero", {"work": 0, "job": 6, "tasks": 1}, 0),
        ("ScaleToZero", {"work": 3, "job": 6, "tasks": 1}, 0.5),
        ("ScaleToZero", {"work": 0, "job": 6, "tasks": 2}, 1),
        # Without the backlog or without the tasks nobody knows, and nothing is removed.
        ("ScaleIn", {"tasks": 4}, None),
        ("ScaleIn", {"tasks": 1}, None),
        ("ScaleIn", BUSY, None),
        ("ScaleToZero", {"tasks": 1}, None),
        ("ScaleToZero", {"work": 0, "job": 6}, None),
    ],
)
def test_what_the_alarms_see(policy: str, metrics: dict[str, float], value: float | None) -> None:
    seen = value_of(policy, **metrics)
    assert seen == (value if value is None else pytest.approx(value))


def test_after_a_scale_in_less_than_a_whole_place_is_missing() -> None:
    """Else the load that was there before would be too much for the tasks that are left."""
    [alarm] = [alarm for alarm in DEFAULT.alarms if alarm.policy == "ScaleIn"]
    for step in DEFAULT.policies["ScaleIn"].steps:
        busiest = alarm.threshold + step.upper
        assert busiest / (1 + step.adjustment / 100) < 1


def test_metrics_are_of_the_deployment_and_the_service() -> None:
    for name, resource in TEMPLATE["Resources"].items():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        for query in resource["Properties"]["Metrics"]:
            if "MetricStat" not in query:
                continue
            metric = query["MetricStat"]["Metric"]
            dimensions = {item["Name"]: item["Value"] for item in metric["Dimensions"]}
            expected = {
                "Rootnote": {"Deployment": {"Ref": "Environment"}},
                "AWS/ECS": {"ClusterName": {"Ref": "ClusterName"}, "ServiceName": {"Ref": "ServiceName"}},
            }
            assert dimensions == expected[metric["Namespace"]], name


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("WorkerTasks", "Properties", "MinCapacity"), {"Fn::GetAtt": "x"}, "intrinsic functions"),
        (("ScaleOut", "Properties", "PolicyType"), "TargetTrackingScaling", "only step scaling"),
        (("ScaleOutAlarm", "Properties", "TreatMissingData"), "breaching", "missing data"),
    ],
)
def test_what_the_simulation_does_not_know_is_said(
    path: tuple[str, ...], value: object, message: str
) -> None:
    changed = deepcopy(TEMPLATE)
    node: Raw = changed["Resources"]
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        scaling_of(changed)


def test_unknown_parameters_are_said() -> None:
    with pytest.raises(ValueError, match="MostTasks"):
        scaling_of(TEMPLATE, {"MostTasks": 3})
