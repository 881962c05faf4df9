"""Which Lambda a bundle is for: its processor, its Python, and the C library that comes with that.

`sam build` tells a makefile nothing but where to put the result, so architecture and runtime come from
the environment (ARCH, PYTHON_VERSION), and the template must be given the same: `sam_parameters`.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from infra.bundle.errors import BundleError


class Architecture(StrEnum):
    """As Lambda names them."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


_MACHINE = {Architecture.ARM64: "aarch64", Architecture.X86_64: "x86_64"}

_GLIBC_MINOR = {"3.11": 26, "3.12": 34, "3.13": 34}
"""glibc 2.x by Python: 3.11 runs on Amazon Linux 2, later ones on Amazon Linux 2023."""

NO_IMAGE = f"local/rootnote@sha256:{'0' * 64}"
"""For the template's ImageUri, where there is no image and no ECS that would want it."""

_OLDEST_GLIBC_MINOR = 5
_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    architecture: Architecture
    python: str
    """Major and minor, as 3.12."""

    def __str__(self) -> str:
        return f"{self.architecture}-{self.python}"

    @property
    def runtime(self) -> str:
        return f"python{self.python}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """pip's names of all platforms whose wheels run there. A wheel built for a newer glibc would
        install as well, and fail at the first import."""
        machine = _MACHINE[self.architecture]
        names = []
        for minor in range(_GLIBC_MINOR[self.python], _OLDEST_GLIBC_MINOR - 1, -1):
            names.append(f"manylinux_2_{minor}_{machine}")
            if old := _OLD_NAMES.get(minor):
                names.append(f"{old}_{machine}")
        return tuple(names)

    @property
    def sam_parameters(self) -> str:
        return f"LambdaRuntime={self.runtime} Architecture={self.architecture}"

    @property
    def glibc(self) -> str:
        return f"2.{_GLIBC_MINOR[self.python]}"


def running_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def native() -> Target | None:
    """What runs on this very machine; None where no bundle can."""
    for architecture, machine in _MACHINE.items():
        if platform.machine() == machine and sys.platform == "linux" and running_python() in _GLIBC_MINOR:
            return Target(architecture=architecture, python=running_python())
    return None


def wanted(environment: Mapping[str, str]) -> Target:
    """ARCH and PYTHON_VERSION, or what suits the Python that builds. Raises BundleError."""
    asked = (environment.get("PYTHON_VERSION") or running_python()).removeprefix("python")
    # Images of Python set the variable themselves, to 3.12.1.
    python = ".".join(asked.split(".")[:2])
    if python not in _GLIBC_MINOR:
        raise BundleError(
            f"the Lambda functions run on Python {', '.join(_GLIBC_MINOR)}, not {python}; "
            f"choose one with PYTHON_VERSION (it has to be on the PATH as python3.x)"
        )
    architecture = environment.get("ARCH") or _default_architecture(python)
    if architecture not in set(Architecture):
        raise BundleError(f"ARCH is {' or '.join(Architecture)}, not {architecture}")
    return Target(architecture=Architecture(architecture), python=python)


def _default_architecture(python: str) -> Architecture:
    """arm64 costs less, but psycopg's wheels for it need glibc 2.27, newer than Amazon Linux 2 has."""
    return Architecture.ARM64 if _GLIBC_MINOR[python] >= 27 else Architecture.X86_64
