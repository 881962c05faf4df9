"""What is deployed: two Lambda bundles and one image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from infra.bundle.recipe import RECIPES
from infra.bundle.target import Architecture, wanted
from infra.security.bill import Product
from infra.security.errors import SecurityError
from infra.security.locks import ROOT

_MACHINE = {Architecture.ARM64: "aarch64", Architecture.X86_64: "x86_64"}
_IN_THE_IMAGE = ("core", "handlers", "worker")


def products(environment: Mapping[str, str]) -> list[Product]:
    """ARCH and PYTHON_VERSION choose the bundles' target, as in `make bundle`.

    Raises SecurityError and BundleError.
    """
    target = wanted(environment)
    bundles = [
        Product(
            name=f"rootnote-bundle-{recipe.name}",
            description=f"Lambda bundle for {target.runtime} on {target.architecture}",
            lock=recipe.lock,
            python=target.python,
            machine=_MACHINE[target.architecture],
            own_files=tuple(recipe.own_files()),
        )
        for recipe in RECIPES.values()
    ]
    return [*bundles, _image()]


def _image() -> Product:
    dockerfile = (ROOT / "Dockerfile.worker").read_text()
    base = re.search(r"^ARG BASE=python:(\d+\.\d+)-slim$", dockerfile, re.MULTILINE)
    if base is None:
        raise SecurityError("Dockerfile.worker does not say which Python its base has")
    return Product(
        name="rootnote-image",
        description="Python packages of the worker's image; Debian's are in the image's own list",
        lock=ROOT / "requirements.txt",
        python=base[1],
        machine=None,
        own_files=(
            Path("alembic.ini"),
            *(
                path.relative_to(ROOT)
                for folder in _IN_THE_IMAGE
                for path in (ROOT / folder).rglob("*")
                if path.is_file() and "__pycache__" not in path.parts
            ),
        ),
    )
