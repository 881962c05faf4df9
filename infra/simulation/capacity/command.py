"""`python -m infra.simulation capacity`."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.simulation.capacity import tables
from infra.simulation.capacity.measure import measure
from infra.simulation.capacity.reckon import Assumed
from infra.simulation.table import put


def run(*, events: int, document: Path | None) -> int:
    """Measure, write the tables into `document` between its marks, and print them."""
    measured = measure(events, lambda text: print(text, file=sys.stderr, flush=True))
    assumed = Assumed()
    parts = {
        "measured": f"{tables.measured_table(measured)}\n{tables.other_table(measured)}",
        "days": tables.days_table(measured, assumed),
        "limits": tables.limits_table(measured, assumed),
        "workers": tables.workers_table(measured, assumed),
        "costs": tables.costs_table(measured, assumed),
    }
    for name, text in parts.items():
        if document is not None:
            put(document, name, text, f"{events} events")
    print("", *parts.values(), sep="\n", end="")
    return 0
