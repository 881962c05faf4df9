"""The tests' own reader of CloudWatch's embedded metric format finds what CloudWatch would refuse."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from tests import emf


def line(*, at: object = None, root: dict[str, Any] | None = None, **directive: object) -> str:
    """A right one, with changes; a root member that is None is left out."""
    given: dict[str, Any] = {
        "Namespace": "Rootnote",
        "Dimensions": [["Deployment"]],
        "Metrics": [{"Name": "Backlog", "Unit": "Count"}],
        **directive,
    }
    metadata = {"Timestamp": int(time.time() * 1_000) if at is None else at, "CloudWatchMetrics": [given]}
    members = {"Deployment": "staging", "Backlog": [0.0], **(root or {})}
    return json.dumps({"_aws": metadata} | {k: v for k, v in members.items() if v is not None})


def test_a_right_line() -> None:
    assert emf.problems(line()) == []
    assert emf.values(line()) == {"Backlog": [0.0]}
    assert emf.dimensions(line()) == [{"Deployment": "staging"}]


@pytest.mark.parametrize(
    "wrong",
    [
        "[INFO] " + line(),
        line() + line(),
        json.dumps({"Backlog": 1}),
        line(at="2026-01-01T00:00:00Z"),
        line(at=int(time.time())),
        line(at=int((time.time() + 3 * 3_600) * 1_000)),
        line(Namespace=""),
        line(Dimensions=["Deployment"]),
        line(Dimensions=[["Deployment", "service"]]),
        line(Dimensions=[[f"D{number}" for number in range(31)]]),
        line(root={"Deployment": ""}),
        line(root={"Deployment": 7}),
        line(Metrics=[]),
        line(Metrics=[{"Name": "Backlog", "Unit": "Jobs"}]),
        line(Metrics=[{"Name": "Backlog", "StorageResolution": 30}]),
        line(root={"Backlog": None}),
        line(root={"Backlog": "5"}),
        line(root={"Backlog": True}),
        line(root={"Backlog": []}),
        line(root={"Backlog": [1] * 101}),
        line(root={"Backlog": float("nan")}),
    ],
)
def test_wrong_lines(wrong: str) -> None:
    assert emf.problems(wrong)


def test_the_units_are_those_of_powertools() -> None:
    assert frozenset(str(unit.value) for unit in MetricUnit) | {"None"} == emf.UNITS
