"""The figures as rows of a Markdown table, and the place in a document that has them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from infra.simulation.figures import Figures
from infra.simulation.scenario import HOUR, Scenario
from infra.simulation.template import Scaling

HEADINGS = (
    "scenario", "hours", "jobs", "longest wait", "p99 wait", "most tasks", "task-hours", "changes", "turns/h",
    "dead", "lost",
)  # fmt: skip
BEGIN, END = "<!-- {name}: {digest} -->", "<!-- end of {name} -->"


def row(scenario: Scenario, figures: Figures) -> tuple[str, ...]:
    return (
        scenario.name,
        f"{scenario.seconds / HOUR:g}",
        f"{figures.jobs}",
        f"{figures.longest_wait:.0f} s",
        f"{figures.p99_wait:.0f} s",
        f"{figures.most_tasks}",
        f"{figures.task_hours:.1f}",
        f"{figures.changes}",
        f"{figures.turns_an_hour:.2f}",
        f"{figures.dead}",
        f"{figures.lost}",
    )


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column is text, the others are numbers."""
    marks = ("---", *("---:" for _ in headings[1:]))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, marks, *rows))


def digest_of(scaling: Scaling) -> str:
    """Another one for another policy: a document says by it which one its figures are of."""
    return hashlib.sha256(repr(scaling).encode()).hexdigest()[:16]


def put(document: Path, name: str, text: str, digest: str) -> None:
    """Replace what stands between the marks of `name`. Raises ValueError where there are none."""
    old = document.read_text()
    begin, end = BEGIN.format(name=name, digest="").removesuffix(" -->"), END.format(name=name)
    before, found, rest = old.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{document} has no marks for {name}")
    document.write_text(f"{before}{BEGIN.format(name=name, digest=digest)}\n{text}{end}{after}")
