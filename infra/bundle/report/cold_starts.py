"""Cold starts under Lambda's own runtime client and the emulator of its API, with and without bytecode."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.bundle.report.table import table
from infra.lambda_runtime.function import Function

_TIME_OUT = 3
"""Seconds: what is invoked needs no answer, since only its start is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColdStart:
    """`megabytes` is the most memory that the process had in use."""

    milliseconds: float
    megabytes: float


def cold_start_table(
    bundles: Mapping[str, Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    runs: int,
    say: Callable[[str], None],
) -> str:
    """Medians of `runs` starts a module, with and without bytecode by turns, so that noise hits both."""
    plain = {bundle: _without_bytecode(bundle, folder) for bundle in set(bundles.values())}
    rows = []
    for module, bundle in bundles.items():
        say(f"starting {module} {2 * runs} times")
        compiled, anew = [], []
        for _ in range(runs):
            compiled.append(_cold_start(bundle, module, folder, environment))
            anew.append(_cold_start(plain[bundle], module, folder, environment))
        rows.append(
            [
                module,
                _median([start.milliseconds for start in compiled]),
                _median([start.milliseconds for start in anew]),
                _median([start.megabytes for start in compiled]),
            ]
        )
    return table(["cold start", "ms", "ms without bytecode", "memory, MB"], rows)


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.0f}"


def _cold_start(bundle: Path, module: str, folder: Path, environment: Mapping[str, str]) -> ColdStart:
    with Function(
        bundle, f"{module}.handler", folder=folder, environment=environment, timeout=_TIME_OUT
    ) as function:
        # An answer to an event that is none: an error, most often.
        function.invoke({})
        return ColdStart(milliseconds=function.init_milliseconds()[0], megabytes=function.peak_megabytes())


def _without_bytecode(bundle: Path, folder: Path) -> Path:
    copy = folder / "without-bytecode" / bundle.name
    shutil.copytree(bundle, copy, ignore=shutil.ignore_patterns("__pycache__"), copy_function=os.link)
    return copy
