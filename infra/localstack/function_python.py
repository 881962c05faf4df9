"""An interpreter that has what Lambda's Python runtime has: awslambdaric, boto3, and nothing else.

A function whose bundle lacks a package fails under it, as it would in Lambda. It is a virtual environment
whose packages are links into the project's own, so it takes no download and is made in a moment.
"""

from __future__ import annotations

import re
import sys
import sysconfig
import venv
from importlib import metadata
from pathlib import Path

from infra.local.errors import LocalError

RUNTIME_PACKAGES = ("awslambdaric", "boto3")
NAME = re.compile(r"[A-Za-z0-9._-]+")


def runtime_name() -> str:
    """The Lambda runtime that this interpreter stands for."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def make_function_python(folder: Path) -> Path:
    """Make it in `folder`, which is emptied first, and return the interpreter.

    LocalError where this environment lacks one of the packages.
    """
    venv.EnvBuilder(clear=True, symlinks=True, with_pip=False).create(folder)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    for name in sorted(_with_requirements(RUNTIME_PACKAGES)):
        distribution = metadata.distribution(name)
        for entry in sorted({file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}):
            (packages / entry).symlink_to(Path(str(distribution.locate_file(entry))))
    return folder / "bin" / "python"


def _with_requirements(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            requirements = metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            raise LocalError(
                f"{sys.prefix} has no {name}, which functions need; `make lint` installs it"
            ) from None
        found.add(name)
        for requirement in requirements:
            needed = NAME.match(requirement)
            if needed and "extra ==" not in requirement:
                waiting.append(needed[0])
    return found
