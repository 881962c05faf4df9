"""`infra/scaling.yaml` as CloudFormation would read it: the only place where the policy's numbers are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.simulation.alarm import Alarm, Metric, Query
from infra.simulation.policy import StepAdjustment, StepPolicy

TEMPLATE = Path(__file__).resolve().parents[1] / "scaling.yaml"
NAMES = {"Environment": "simulated", "ClusterName": "cluster", "ServiceName": "worker"}
"""What has no default and no effect here."""

Raw = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """The template for one set of parameters. `policies` by the logical ids that alarms refer to."""

    min_tasks: int
    max_tasks: int
    acceptable_wait: float
    policies: Mapping[str, StepPolicy]
    alarms: tuple[Alarm, ...]


class _Loader(yaml.SafeLoader):
    """Knows short intrinsic functions: `!Sub x` becomes {"Fn::Sub": "x"}."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> Raw:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise ValueError(f"!{suffix} of a mapping is not known here")


_Loader.add_multi_constructor("!", _intrinsic)


def read(path: Path = TEMPLATE) -> Raw:
    """The template as it stands, with long intrinsic functions."""
    template: Raw = yaml.load(path.read_text(), _Loader)  # noqa: S506  (derived from SafeLoader)
    return template


def scaling_of(template: Raw, parameters: Mapping[str, float | str] | None = None) -> Scaling:
    """Raises ValueError for what the template has and this does not know."""
    given = {name: str(value) for name, value in (NAMES | dict(parameters or {})).items()}
    defaults = {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p}
    values = defaults | given
    if missing := set(template["Parameters"]) ^ set(values):
        raise ValueError(f"parameters that are missing or unknown: {sorted(missing)}")
    conditions = {name: _holds(rule, values) for name, rule in template.get("Conditions", {}).items()}
    resources = {
        name: _resolve(resource, values)
        for name, resource in template["Resources"].items()
        if conditions.get(resource.get("Condition"), True)
    }
    [target] = _of_type(resources, "AWS::ApplicationAutoScaling::ScalableTarget").values()
    policies = _of_type(resources, "AWS::ApplicationAutoScaling::ScalingPolicy")
    return Scaling(
        min_tasks=int(target["MinCapacity"]),
        max_tasks=int(target["MaxCapacity"]),
        acceptable_wait=float(values["AcceptableWaitSeconds"]),
        policies={name: _policy(name, properties) for name, properties in policies.items()},
        alarms=tuple(
            _alarm(name, properties)
            for name, properties in _of_type(resources, "AWS::CloudWatch::Alarm").items()
        ),
    )


def _of_type(resources: Raw, kind: str) -> dict[str, Raw]:
    return {name: item["Properties"] for name, item in resources.items() if item["Type"] == kind}


def _holds(rule: Raw, values: Mapping[str, str]) -> bool:
    match rule:
        case {"Fn::Equals": [left, right]}:
            return str(_resolve(left, values)) == str(_resolve(right, values))
    raise ValueError(f"a condition that is not known here: {rule}")


def _resolve(node: Any, values: Mapping[str, str]) -> Any:
    """A Ref to a resource becomes its logical id."""
    match node:
        case {"Ref": name}:
            return values.get(name, name)
        case {"Fn::Sub": str() as text}:
            return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)
        case dict():
            if unknown := [name for name in node if str(name).startswith("Fn::")]:
                raise ValueError(f"intrinsic functions that are not known here: {unknown}")
            return {name: _resolve(value, values) for name, value in node.items()}
        case list():
            return [_resolve(value, values) for value in node]
    return node


def _policy(name: str, properties: Raw) -> StepPolicy:
    if properties["PolicyType"] != "StepScaling":
        raise ValueError(f"{name}: only step scaling is known here")
    steps = properties["StepScalingPolicyConfiguration"]
    return StepPolicy(
        name=name,
        adjustment_type=steps["AdjustmentType"],
        steps=tuple(
            StepAdjustment(
                lower=float(step.get("MetricIntervalLowerBound", "-inf")),
                upper=float(step.get("MetricIntervalUpperBound", "inf")),
                adjustment=int(step["ScalingAdjustment"]),
            )
            for step in steps["StepAdjustments"]
        ),
        min_magnitude=int(steps.get("MinAdjustmentMagnitude", 0)),
        aggregation=steps.get("MetricAggregationType", "Average"),
        cooldown=float(steps.get("Cooldown", 300)),
    )


def _alarm(name: str, properties: Raw) -> Alarm:
    [policy] = properties["AlarmActions"]
    periods = int(properties["EvaluationPeriods"])
    return Alarm(
        name=name,
        policy=policy,
        queries=tuple(_query(query) for query in properties["Metrics"]),
        comparison=properties["ComparisonOperator"],
        threshold=float(properties["Threshold"]),
        evaluation_periods=periods,
        datapoints=int(properties.get("DatapointsToAlarm", periods)),
        treat_missing=properties.get("TreatMissingData", "missing"),
    )


def _query(query: Raw) -> Query:
    returns = bool(query.get("ReturnData", True))
    if "Expression" in query:
        return Query(id=query["Id"], returns=returns, expression=query["Expression"])
    stat = query["MetricStat"]
    if int(stat["Period"]) != 60:
        raise ValueError(f"{query['Id']}: only periods of a minute are known here")
    metric = Metric(
        namespace=stat["Metric"]["Namespace"], name=stat["Metric"]["MetricName"], statistic=stat["Stat"]
    )
    return Query(id=query["Id"], returns=returns, metric=metric)
