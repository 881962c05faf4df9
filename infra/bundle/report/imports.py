"""Which packages the import of a handler spends its time in, as Python itself counts (-X importtime)."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

from infra.bundle.errors import BundleError
from infra.bundle.report.table import table

_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)$")
_SECONDS = 120
_SHOWN = 14


def import_table(python: Path, bundles: dict[str, Path], *, environment: dict[str, str], runs: int) -> str:
    """Milliseconds by package, one column a module of `bundles`; the least of `runs` runs."""
    found = {
        module: import_times(python, bundle, module, environment=environment, runs=runs)
        for module, bundle in bundles.items()
    }
    heaviest: Counter[str] = Counter()
    for times in found.values():
        for package, microseconds in times.items():
            heaviest[package] = max(heaviest[package], microseconds)
    rows = [
        [package, *(f"{times[package] / 1_000:.0f}" for times in found.values())]
        for package, _ in heaviest.most_common(_SHOWN)
    ]
    rows.append(["all", *(f"{times.total() / 1_000:.0f}" for times in found.values())])
    return table(["import, ms", *(module.removeprefix("handlers.") for module in found)], rows)


def import_times(
    python: Path, bundle: Path, module: str, *, environment: dict[str, str], runs: int
) -> Counter[str]:
    """Microseconds by package, each without what it imports of others; of the run that took least."""
    return min((_import_times(python, bundle, module, environment) for _ in range(runs)), key=Counter.total)


def _import_times(python: Path, bundle: Path, module: str, environment: dict[str, str]) -> Counter[str]:
    done = subprocess.run(
        [str(python), "-X", "importtime", "-c", f"import {module}"],
        cwd=bundle,
        env=environment | {"PYTHONPATH": str(bundle), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BundleError(f"{module} cannot be imported from {bundle}:\n{done.stderr[-2_000:]}")
    times: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        if match := _LINE.match(line):
            times[match[2].partition(".")[0]] += int(match[1])
    return times
