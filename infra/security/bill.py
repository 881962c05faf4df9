"""A bill of materials (CycloneDX 1.6) of what is deployed, from the locks.

The same content gives the same bytes: there is no time in it, and its serial number follows from the rest.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from infra.security.licences import licence_of
from infra.security.locks import ROOT, Pin, read_lock

Json = dict[str, Any]

_NEWEST_PATCH = 99
"""Lambda and the base image run the newest patch release of their Python."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """`python` as 3.12; `own_files` are relative to the checkout. `machine` as markers name it, None where it
    is made for several."""

    name: str
    description: str
    lock: Path
    python: str
    machine: str | None
    own_files: tuple[Path, ...]

    @property
    def environment(self) -> Mapping[str, str]:
        """What the lock's markers ask for."""
        told = {
            "python_version": self.python,
            "python_full_version": f"{self.python}.{_NEWEST_PATCH}",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
        }
        return told | ({"platform_machine": self.machine} if self.machine else {})


def bill_of(product: Product) -> Json:
    """As JSON; `text_of` writes it."""
    pins = [pin for pin in read_lock(product.lock) if pin.holds_in(product.environment)]
    itself = _itself(product)
    bill: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "pre-build"}],
            "component": itself,
            "properties": [{"name": "rootnote:python", "value": product.python}],
        },
        "components": [_component(pin) for pin in pins],
        "dependencies": _dependencies(itself["bom-ref"], pins),
    }
    return bill | {"serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, text_of(bill))}"}


def text_of(bill: Json) -> str:
    return json.dumps(bill, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _itself(product: Product) -> Json:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "type": "application",
        "bom-ref": product.name,
        "name": product.name,
        "version": project["version"],
        "description": product.description,
        "licenses": [{"license": {"id": project["license"]}}],
        "hashes": [{"alg": "SHA-256", "content": _digest(product.own_files)}],
    }


def _component(pin: Pin) -> Json:
    """The hashes are of all files of the release that the lock allows: one of them is what is installed."""
    files = [{"alg": "SHA-256", "content": each.removeprefix("sha256:")} for each in pin.hashes]
    return {
        "type": "library",
        "bom-ref": _purl(pin),
        "name": pin.name,
        "version": pin.version,
        "purl": _purl(pin),
        "externalReferences": [{"type": "distribution", "url": _purl(pin), "hashes": files}],
        **_licences(pin),
    }


def _licences(pin: Pin) -> Json:
    """Of the package that is installed here, where it is the same version."""
    try:
        package = distribution(pin.name)
    except PackageNotFoundError:
        return {}
    licence = licence_of(package)
    if package.version != pin.version or not licence.text:
        return {}
    if licence.is_spdx:
        return {"licenses": [{"expression": licence.text}]}
    return {"licenses": [{"license": {"name": licence.text}}]}


def _dependencies(itself: str, pins: Sequence[Pin]) -> list[Json]:
    """From the lock's remarks on who wanted what."""
    refs = {itself: itself, **{str(pin.name): _purl(pin) for pin in pins}}
    needs: dict[str, set[str]] = {who: set() for who in refs}
    for pin in pins:
        for who in pin.wanted_by:
            needs.get(itself if who.startswith("-r ") else who, set()).add(_purl(pin))
    return [{"ref": refs[who], "dependsOn": sorted(what)} for who, what in sorted(needs.items())]


def _purl(pin: Pin) -> str:
    return f"pkg:pypi/{pin.name}@{pin.version}"


def _digest(files: Iterable[Path]) -> str:
    """Of names and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        content = (ROOT / path).read_bytes()
        digest.update(f"{path.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
