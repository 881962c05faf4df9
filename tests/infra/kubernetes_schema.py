"""Kubernetes' own types for a manifest, stricter than most clients: an unknown field is a fault."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any


def faults(manifest: dict[str, Any]) -> list[str]:
    """Fields that Kubernetes does not know. Raises msgspec.ValidationError for a missing or mistyped one."""
    # `apps/v1` is in apps_v1, `networking.k8s.io/v1` in networking_v1, and `v1` in core_v1.
    group, _, version = manifest["apiVersion"].rpartition("/")
    module = import_module(f"lightkube.models.{group.split('.')[0] or 'core'}_{version}")
    kept = getattr(module, manifest["kind"]).from_dict(manifest).to_dict()
    return list(_lost(manifest, kept, manifest["kind"]))


def _lost(given: object, kept: object, where: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            if name in kept:
                yield from _lost(value, kept[name], f"{where}.{name}")
            elif value not in ({}, [], None):
                yield f"{where}.{name}"
    elif isinstance(given, list) and isinstance(kept, list):
        for number, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from _lost(one, other, f"{where}[{number}]")
