"""Verdicts as a table: Markdown for a page, aligned for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.verdict import Verdict

HEADINGS = (
    "fault",
    "events sent",
    "accepted",
    "due",
    "analysed",
    "metadata",
    "model calls",
    "duplicates",
    "lost",
    "seconds",
    "verdict",
)
_GAP = "  "


def row(verdict: Verdict) -> tuple[str, ...]:
    if verdict.not_run:
        return (verdict.name, *("",) * (len(HEADINGS) - 2), f"not run: {verdict.not_run}")
    recovered = "never" if verdict.recovered is None else f"{verdict.recovered:.1f}"
    return (
        verdict.name,
        str(verdict.sent),
        str(verdict.accepted),
        str(verdict.due),
        str(verdict.analysed),
        f"{verdict.metadata_made} of {verdict.metadata_due}",
        str(verdict.calls),
        f"{verdict.duplicates} (≤ {verdict.window})",
        str(verdict.lost),
        f"{recovered} (≤ {verdict.bound:.0f})",
        "kept" if verdict.is_kept else "; ".join(verdict.broken),
    )


def plain(verdicts: Sequence[Verdict]) -> str:
    rows = [HEADINGS, *(row(verdict) for verdict in verdicts)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEADINGS))]
    # The last column is not padded: a verdict may be long.
    lines = (
        _GAP.join([*(cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=False)), line[-1]])
        for line in rows
    )
    return "\n".join(lines)


def markdown(verdicts: Sequence[Verdict]) -> str:
    """Two tables: what each fault does, and what came of it."""
    does = ["| fault | what is done | calls that may be made twice |", "|---|---|---|"]
    found = ["| " + " | ".join(HEADINGS) + " |", "|---" + "|---:" * (len(HEADINGS) - 2) + "|---|"]
    does += [_does_line(verdict) for verdict in verdicts]
    found += [_found_line(verdict) for verdict in verdicts]
    return "\n".join([*does, "", *found])


def updated(text: str, verdicts: Sequence[Verdict]) -> str:
    """`markdown` of an earlier run with the lines of these faults as they are now.

    Raises ValueError for a fault that is not in it.
    """
    lines = text.splitlines()
    for verdict in verdicts:
        places = [number for number, line in enumerate(lines) if line.startswith(f"| {verdict.name} |")]
        if len(places) != 2:
            raise ValueError(f"{verdict.name} is not in the table; write it with all faults first")
        lines[places[0]], lines[places[1]] = _does_line(verdict), _found_line(verdict)
    return "\n".join(lines)


def _does_line(verdict: Verdict) -> str:
    return f"| {verdict.name} | {verdict.does} | {verdict.window_is} |"


def _found_line(verdict: Verdict) -> str:
    return "| " + " | ".join(row(verdict)) + " |"
