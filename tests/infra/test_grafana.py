"""Dashboard and alerts: every expression parses and names metrics and labels that the code has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from core import metrics
from tests.conftest import ROOT

FOLDER = ROOT / "infra" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
_PROJECT_META = {
    "project_meta_generated": ("counter", {"status"}),
    "project_meta_generation_failures": ("counter", {"error_type"}),
    "project_meta_generation_in_progress": ("gauge", set[str]()),
    "project_meta_generation_duration_seconds": ("histogram", set[str]()),
    "project_meta_content_length_chars": ("histogram", set[str]()),
    "project_meta_tags_count": ("histogram", set[str]()),
    "project_meta_summary_length_chars": ("histogram", set[str]()),
}
"""The guide's seven. Where the code has them, the code is believed."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """One metric in one expression, with every label that the expression names."""

    metric: str
    labels: frozenset[str]


def series() -> dict[str, set[str]]:
    """Names as Prometheus stores them, with their labels."""
    families: dict[str, tuple[str | None, set[str]]] = {**_PROJECT_META}
    for value in vars(metrics).values():
        if isinstance(value, MetricWrapperBase):
            families[value._name] = (value._type, set(value._labelnames))
    return {
        f"{name}{suffix}": labels | ({"le"} if suffix == "_bucket" else set())
        for name, (kind, labels) in families.items()
        for suffix in _SUFFIXES[kind or ""]
    }


def expressions() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel.get("targets", []):
            yield f"{panel['title']}:{target['refId']}", target["expr"]
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]


def uses(expression: str) -> list[Use]:
    """Raises ValueError where it is no PromQL."""
    found: list[Use] = []

    def visit(node: promql_parser.Expr, above: frozenset[str]) -> None:
        def look(inner: promql_parser.Expr) -> bool:
            nonlocal above
            if isinstance(inner, promql_parser.AggregateExpr) and inner.modifier is not None:
                above |= frozenset(inner.modifier.labels)
            if isinstance(inner, promql_parser.BinaryExpr):
                visit(inner.lhs, above)
                visit(inner.rhs, above)
                return False
            if isinstance(inner, promql_parser.VectorSelector):
                assert inner.name is not None
                named = frozenset(matcher.name for matcher in inner.matchers.matchers)
                found.append(Use(metric=inner.name, labels=above | named))
            return True

        promql_parser.walk(node, look)

    # Grafana fills these in; a parser knows durations only.
    visit(promql_parser.parse(expression.replace("$__rate_interval", "5m")), frozenset())
    return found


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_expressions_name_what_the_code_has(where: str, expression: str) -> None:
    known = series()
    found = uses(expression)
    assert found, where
    for use in found:
        assert use.metric in known, where
        assert use.labels <= known[use.metric], f"{where}: {use.metric}"


def test_the_check_itself_sees_labels_on_both_sides() -> None:
    assert uses('sum by (a) (rate(x_total{b="1"}[$__rate_interval])) / sum by (c) (y) > 2') == [
        Use(metric="x_total", labels=frozenset({"a", "b"})),
        Use(metric="y", labels=frozenset({"c"})),
    ]
    with pytest.raises(ValueError, match="unclosed"):
        uses("sum by (")


def test_every_metric_is_shown() -> None:
    shown = {use.metric for _, expression in expressions() for use in uses(expression)}
    for name in series():
        family = re.sub(r"_(bucket|count|sum)$", "", name)
        assert shown & {name, f"{family}_bucket", f"{family}_sum"}, name


def test_the_dashboard_can_be_imported_anywhere() -> None:
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == (
        "DS_PROMETHEUS",
        "datasource",
        "prometheus",
    )
    assert DASHBOARD["schemaVersion"] >= 39
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    assert rows == ["Intake", "Jobs and backlog", "Models", "Project metadata"]
    for panel in PANELS:
        if panel["type"] != "row":
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert all(source == {"type": "prometheus", "uid": "${DS_PROMETHEUS}"} for source in sources)


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alerts_say_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
    path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in ALERTS]
    assert len(set(names)) == len(names)
