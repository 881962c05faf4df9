"""Versions that their authors took back ("yanked") since they were locked, by uv."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.security.errors import SecurityError
from infra.security.tools import last_line, run_tool

PYTHONS = ("3.11", "3.12", "3.13")
"""Those that Rootnote runs on: a lock may have another version for each."""
_YANKED = re.compile(r"`([^`]+)` is yanked(?: \(reason: \"(.*)\"\))?")


def find_withdrawn(
    locks: Iterable[Path], *, program: Path, pythons: Sequence[str] = PYTHONS
) -> dict[str, str]:
    """The reason by name==version. Nothing is installed.

    Raises SecurityError where the index does not answer.
    """
    found: dict[str, str] = {}
    for lock in locks:
        for python in pythons:
            found |= _withdrawn(program, lock, python)
    return found


def _withdrawn(program: Path, lock: Path, python: str) -> dict[str, str]:
    with TemporaryDirectory(prefix="rootnote-audit-") as folder:
        options = ("--dry-run", "--no-config", "--no-deps", "--require-hashes", "--target", folder)
        done = run_tool(
            program, ["pip", "install", *options, "--python-version", python, "--requirement", str(lock)]
        )
    if done.returncode:
        raise SecurityError(f"the index does not tell of {lock.name}: {last_line(done.stderr)}")
    return {name: reason or "no reason given" for name, reason in _YANKED.findall(done.stderr)}
