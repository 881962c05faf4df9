"""What was measured of cold starts, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.bundle.report.imports import import_times
from infra.simulation.table import markdown
from tests.load.lambda_start import Start
from tests.load.progress import say
from tests.load.rounds import ratios, spread

_SHOWN = 15
_FIGURES: Mapping[str, Callable[[Start], float]] = {
    "start, ms": lambda start: start.init,
    "first request, ms": lambda start: start.first,
    "both, ms": lambda start: start.total,
    "both, CPU ms": lambda start: start.cpu,
    "a later request, ms": lambda start: start.warm,
}


def start_table(title: str, ours: Sequence[Start], bare: Sequence[Start]) -> str:
    rows = []
    for name, figure in _FIGURES.items():
        mine, others = [figure(start) for start in ours], [figure(start) for start in bare]
        rows.append((name, str(spread(mine)), str(spread(others)), str(ratios(mine, others))))
    return markdown((f"`{title}`", "Rootnote", "bare handler", "ratio"), rows)


def import_tables(python: Path, ours: Path, bare: Path, environment: dict[str, str], *, runs: int) -> str:
    """Milliseconds by package, by `python -X importtime`: each without what it imports of others."""
    columns = {
        "Rootnote": (ours, "handlers.api"),
        "with all routes": (ours, "handlers.api, handlers.app"),
        "bare handler": (bare, "bare_event"),
    }
    found: list[Counter[str]] = []
    for name, (bundle, modules) in columns.items():
        say(f"importing: {name}")
        found.append(import_times(python, bundle, modules, environment=environment, runs=runs))
    heaviest: Counter[str] = Counter()
    for times in found:
        heaviest |= times
    rows = [
        (package, *(f"{times[package] / 1_000:.0f}" for times in found))
        for package, _ in heaviest.most_common(_SHOWN)
    ]
    rows.append(("all", *(f"{times.total() / 1_000:.0f}" for times in found)))
    return markdown(("import, ms", *columns), rows)
