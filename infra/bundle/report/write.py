"""The whole report."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.bundle.build import build
from infra.bundle.recipe import BUNDLES, LIGHT, MIGRATE
from infra.bundle.report.cold_starts import cold_start_table
from infra.bundle.report.imports import import_table
from infra.bundle.report.sizes import sizes
from infra.bundle.target import Target, native
from infra.lambda_runtime import parts

_LIGHT_HANDLERS = ("api", "buffered_events", "log_events", "backlog_metric")
_NOWHERE = {
    "DATABASE_URL": "postgresql://127.0.0.1:9/nowhere",
    "DATABASE_TIMEOUT": "0.2",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "REDIS_TIMEOUT": "0.2",
}
"""Nothing connects while it starts."""


def report(target: Target, *, runs: int, say: Callable[[str], None]) -> None:
    """Say it, part by part. Raises BundleError."""
    light, migrate = (build(recipe, target, say=say) for recipe in (LIGHT, MIGRATE))
    for bundle in (light, migrate):
        say(f"\n{sizes(bundle)}")
    if target != native():
        say(f"\nNo {target} can be run on this {platform.machine()} with its Python: sizes only.")
        return
    if missing := parts.missing_part():
        say(f"\n{missing}: sizes only.")
        return
    modules = {f"handlers.{name}": light for name in _LIGHT_HANDLERS} | {"handlers.migrate": migrate}
    say(
        f"\nMeasured with CPython {platform.python_version()} on {platform.platform()}: "
        "not with Amazon Linux, nor with a Lambda's share of a processor.\n"
    )
    # Beside the bundles, so that copies are links.
    with tempfile.TemporaryDirectory(dir=BUNDLES, prefix="report-") as name:
        folder = Path(name)
        python = parts.interpreter(folder)
        table = cold_start_table(modules, folder=folder, environment=_NOWHERE, runs=runs, say=say)
        say(f"\n{table}\n")
        say(import_table(python, modules, environment=_NOWHERE, runs=runs))
