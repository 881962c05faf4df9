"""A lock file's packages, as the target runs them, without a container and without what it never reads."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from infra.bundle.errors import BundleError
from infra.bundle.interpreter import interpreter_for
from infra.bundle.target import Target

_PIP_SECONDS = 900
_LAST_LINES = 6

_NEVER_READ = ("*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "py.typed")
_NEVER_IMPORTED = ("bin", "*/test", "*/tests", "sqlalchemy/testing", "alembic/testing", "pydantic/v1")
"""FastAPI looks whether a model is one of pydantic's old kind, and goes without where that is not there."""
_METADATA = ("METADATA", "entry_points.txt")
"""Packages ask for their own version or for plug-ins at import; the rest is for installers."""


def install(target: Target, lock: Path, into: Path) -> None:
    """pip's own settings (index, certificates, cache) hold here too. Raises BundleError."""
    interpreter = interpreter_for(target).path
    pip = [sys.executable, "-m", "pip"]
    if interpreter != sys.executable:
        # Run by that one, since pip reads markers such as python_version of the Python that runs it.
        pip += ["--python", interpreter]
    done = subprocess.run(
        [
            *pip,
            *("install", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--target", str(into), "--no-compile", "--no-deps", "--require-hashes"),
            *("--only-binary", ":all:", "--implementation", "cp", "--python-version", target.python),
            *(word for name in target.platforms for word in ("--platform", name)),
            *("--requirement", str(lock)),
        ],
        capture_output=True,
        text=True,
        timeout=_PIP_SECONDS,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
        said = "\n".join(lines[-_LAST_LINES:])
        raise BundleError(
            f"pip cannot install {lock.name} for {target.runtime} on {target.architecture}:\n{said}\n"
            f"That runtime has glibc {target.glibc}. A package without a wheel for it needs another ARCH, "
            f"or a PYTHON_VERSION from 3.12 on, whose Lambda has glibc 2.34."
        )


def prune(folder: Path) -> None:
    """Take away what no function reads."""
    for pattern in _NEVER_IMPORTED:
        for path in folder.glob(pattern):
            shutil.rmtree(path)
    for pattern in _NEVER_READ:
        for path in folder.rglob(pattern):
            path.unlink()
    for dist_info in folder.glob("*.dist-info"):
        for path in dist_info.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in _METADATA:
                path.unlink()
        _keep_headers(dist_info / "METADATA")


def _keep_headers(metadata: Path) -> None:
    """Without the long description below them, which is parsed at each look for a version."""
    headers = metadata.read_text(encoding="utf-8").partition("\n\n")[0]
    metadata.write_text(f"{headers}\n", encoding="utf-8")
