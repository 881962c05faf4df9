"""Bytecode made before the deployment: Lambda's file system is read-only, so it would make it anew at
every cold start."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infra.bundle.errors import BundleError

_TASK_ROOT = "/var/task"
"""Where Lambda puts a bundle. Bytecode that names its file by another path is mended at each import."""

_SECONDS = 300


def precompile(interpreter: str, folder: Path, parts: list[str]) -> None:
    """Compile those parts of a bundle. With hashes in place of times, and never checked, bytecode stays
    valid through every copy and zip."""
    done = subprocess.run(
        [
            interpreter,
            *("-m", "compileall", "-q", "-j", str(os.cpu_count() or 1)),
            *("--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", _TASK_ROOT),
            *(str(folder / part) for part in parts),
        ],
        # The order of a set of constants must not differ from build to build.
        env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BundleError(f"cannot compile {folder.name}:\n{done.stdout.strip()}{done.stderr.strip()}")
