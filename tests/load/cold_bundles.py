"""The two bundles whose starts are compared: Rootnote's own, and a bare handler's of the same packages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from infra.bundle.build import build
from infra.bundle.bytecode import precompile
from infra.bundle.interpreter import interpreter_for
from infra.bundle.recipe import LIGHT
from infra.bundle.target import Target
from tests.load.progress import say

_HANDLERS = Path(__file__).parent / "reference" / "bare_lambda"
_NOT_OF_THE_BARE = (
    "core",
    "handlers",
    "psycopg*",
    "redis*",
    "throttled*",
    "prometheus_client*",
    "pydantic_settings*",
    "*dotenv*",
    "uuid_utils*",
)


def bundles(target: Target, folder: Path) -> tuple[Path, Path]:
    """Ours as it is deployed, and in `folder` the bare one: the same packages, pruned and compiled alike."""
    ours = build(LIGHT, target, say=say)
    bare = folder / "bare"
    shutil.copytree(ours, bare, copy_function=os.link)
    for pattern in _NOT_OF_THE_BARE:
        for path in bare.glob(pattern):
            shutil.rmtree(path)
    for path in _HANDLERS.glob("bare_*.py"):
        shutil.copyfile(path, bare / path.name)
        precompile(interpreter_for(target).path, bare, [path.name])
    return ours, bare
