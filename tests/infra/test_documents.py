"""What the documents name is there: alarms, faults, metrics, commands of make, files and headings."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from core import metrics
from tests.conftest import ROOT
from tests.faults.registry import FAULTS

PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
_INCIDENTS = (ROOT / "docs/incidents.md").read_text()
_OPERATIONS = (ROOT / "docs/operations.md").read_text()


def test_every_fault_has_a_line_among_the_incidents() -> None:
    lists = re.findall(r"\[((?:`[a-z-]+`(?:, )?)+)\]", _INCIDENTS)
    named = {name for names in lists for name in re.findall(r"`([a-z-]+)`", names)}
    assert named == {fault.name for fault in FAULTS}


def test_incidents_name_alarms_that_exist() -> None:
    resources = re.findall(
        r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", _read("infra/alarms.yaml"), re.MULTILINE
    )
    groups = yaml.safe_load(_read("infra/grafana/alerts.yaml"))["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"]]
    named = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", re.sub(r"`[^`]*`", "", _INCIDENTS))) - {"CloudWatch"}
    assert named
    assert named <= {*resources, *alerts}


def test_every_metric_of_the_code_is_in_the_table_and_no_other() -> None:
    rows = set(re.findall(r"^\| `((?:rootnote|project_meta)_\w+)", _OPERATIONS, re.MULTILINE))
    assert rows == {
        # A counter's own name lacks what Prometheus adds to it.
        metric.name + ("_total" if metric.type == "counter" else "")
        for value in vars(metrics).values()
        if isinstance(value, MetricWrapperBase)
        for metric in value.collect()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_make_that_a_page_names_are_listed_by_it(page: Path) -> None:
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = set(re.findall(r"^  make ([a-z-]+)", listed.stdout, re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for path, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        if heading:
            assert heading in _headings(target), f"{path}#{heading}"


def _headings(page: Path) -> set[str]:
    """As GitHub makes them of a heading's words."""
    words = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in words}


def _read(path: str) -> str:
    return (ROOT / path).read_text()
