"""bandit and ruff look for the same faults: each is found by one of them, and each exception says why."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

PRODUCT = ("handlers", "core", "worker", "infra")
BANDIT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["bandit"]
Findings = set[tuple[str, str]]
"""Files and rules, as B101."""


def found_by(*argv: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", *argv], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def unskipped() -> Findings:
    """What bandit finds where it is told nothing."""
    found = found_by("bandit", "--quiet", "--recursive", "--format", "json", *PRODUCT)["results"]
    return {(each["filename"], each["test_id"]) for each in found}


def test_what_bandit_is_told_to_skip_ruff_sees(unskipped: Findings) -> None:
    # Isolated: without our exceptions.
    options = ("--isolated", "--select", "S", "--ignore-noqa", "--output-format", "json")
    seen = {
        (str(Path(each["filename"]).relative_to(ROOT)), each["code"].replace("S", "B"))
        for each in found_by("ruff", "check", *options, *PRODUCT)
    }
    # Of B105 bandit's own reading is no loss: it takes the shapes of other people's keys for passwords.
    unseen = {finding for finding in unskipped if finding[1] in {*BANDIT["skips"]} - {"B105"}} - seen
    # infra/ runs programs: that is what it is for. Nothing else does.
    assert {(file.partition("/")[0], rule) for file, rule in unseen} == {("infra", "B404"), ("infra", "B603")}


def test_nothing_is_skipped_that_nothing_needs(unskipped: Findings) -> None:
    assert set(BANDIT["skips"]) <= {rule for _, rule in unskipped}


def test_each_exception_says_why() -> None:
    unexplained = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in PRODUCT
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"# (noqa: S\d+|nosec B\d+)(, S\d+)*\s*$", line)
    ]
    assert unexplained == []
