"""The Python that makes a target's bytecode, which is of no use to any other version."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from dataclasses import dataclass

from infra.bundle.errors import BundleError
from infra.bundle.target import Target, running_python

_SECONDS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    path: str
    version: str
    """In full: bytecode may differ between 3.12.1 and 3.12.2."""


@functools.cache
def interpreter_for(target: Target) -> Interpreter:
    """The Python that runs this, or one on the PATH by its usual name. Raises BundleError."""
    if target.python == running_python():
        return Interpreter(path=sys.executable, version=sys.version)
    path = shutil.which(target.runtime)
    # A name on the PATH may be a version manager's stand-in for a Python that is not there.
    version = _version_of(path) if path else None
    if path is None or version is None or not version.startswith(f"{target.python}."):
        raise BundleError(
            f"a bundle for Python {target.python} is compiled by one, and no {target.runtime} runs here; "
            f"put it on the PATH, or build for this Python with PYTHON_VERSION={running_python()}"
        )
    return Interpreter(path=path, version=version)


def _version_of(path: str) -> str | None:
    done = subprocess.run(
        [path, "-c", "import sys; print(sys.version)"],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None
