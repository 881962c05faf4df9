"""What AWS's Python runtime consists of, put together from packages that are installed here anyway.

The emulator of the runtime API comes with the SAM CLI; the runtime's client and boto3 are the public
packages; the Python is the one that runs this, so a Debian's or a Mac's, not Amazon Linux's.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import venv
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_EMULATORS = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}
RUNTIME_BRINGS = (
    "awslambdaric",
    "simplejson",
    "snapshot-restore-py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)
"""What AWS's own runtime brings, and a bundle therefore leaves out."""


def missing_part() -> str | None:
    """Why no function can be run on this machine, or None when one can."""
    if sys.platform != "linux" or platform.machine() not in _EMULATORS:
        return f"Lambda's emulator runs on Linux only, not on {sys.platform} {platform.machine()}"
    if _emulator_in_sam() is None:
        return "Lambda's emulator comes with the SAM CLI: make .venv-sam/.ready"
    return None


def emulator(folder: Path) -> Path:
    """A copy that may be executed, which the one in SAM's package may not."""
    found = _emulator_in_sam()
    if found is None:
        raise FileNotFoundError(missing_part())
    copy = folder / found.name
    if not copy.exists():
        shutil.copyfile(found, copy)
        copy.chmod(0o755)
    return copy


def interpreter(folder: Path) -> Path:
    """A Python that sees what Lambda's would: no package but those that AWS's runtime brings.

    What a bundle lacks must be missed, even though the project's own environment has it.
    """
    home = folder / "python"
    if not home.exists():
        venv.create(home, with_pip=False, symlinks=True)
        site_packages = next(home.glob("lib/python3.*/site-packages"))
        for name in RUNTIME_BRINGS:
            _link(importlib.metadata.distribution(name), site_packages)
    return home / "bin/python"


def _link(distribution: importlib.metadata.Distribution, folder: Path) -> None:
    tops = {path.parts[0] for path in distribution.files or ()} - {"..", "__pycache__"}
    for top in tops:
        (folder / top).symlink_to(str(distribution.locate_file(top)))


def _emulator_in_sam() -> Path | None:
    name = _EMULATORS.get(platform.machine(), "none")
    return next(_ROOT.glob(f".venv-sam/lib/python3.*/site-packages/samcli/local/rapid/{name}"), None)
