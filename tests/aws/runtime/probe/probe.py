"""A function that tells what it sees: which modules it could import, and from where."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"find": [...]}`: where each is. `{"load": [...]}`: what fails of these packages' modules."""
    return {
        "found": {name: _origin(name) for name in event.get("find", ())},
        "failed": {name: error for package in event.get("load", ()) for name, error in _failures(package)},
        "path": sys.path,
    }


def _origin(name: str) -> str | None:
    spec = importlib.util.find_spec(name)
    return spec.origin or str(spec.submodule_search_locations) if spec else None


def _failures(package: str) -> list[tuple[str, str]]:
    failed = []
    for info in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        try:
            importlib.import_module(info.name)
        except ImportError as exc:
            failed.append((info.name, repr(exc)))
    return failed
