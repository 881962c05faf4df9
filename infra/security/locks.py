"""What a lock file pins: one version of each package, the hashes of its files, and who wanted it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from infra.security.errors import SecurityError

ROOT = Path(__file__).resolve().parents[2]

_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_PINNED = re.compile(r"==[^*]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """`hashes` as sha256:…, one for each file of the release. `wanted_by` are other pins' names, and for
    what was asked for by hand the input file, as `-r requirements/lambda.in`."""

    name: NormalizedName
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]
    wanted_by: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"

    def holds_in(self, environment: Mapping[str, str]) -> bool:
        """`environment` has the markers' variables that differ from this Python's."""
        return self.marker is None or self.marker.evaluate(dict(environment))


def lock_files(root: Path = ROOT) -> list[Path]:
    return sorted([root / "requirements.txt", *(root / "requirements").glob("*.txt")])


def read_lock(path: Path) -> tuple[Pin, ...]:
    """Raises SecurityError for a line that is no pin with hashes."""
    return tuple(_pin(path, *entry) for entry in _entries(path))


def read_input(path: Path) -> dict[NormalizedName, Requirement]:
    """What is asked for by hand, with that of the files that it includes. Raises SecurityError."""
    found: dict[NormalizedName, Requirement] = {}
    for line in path.read_text().splitlines():
        text = line.partition(" #")[0].strip()
        if text.startswith("-r "):
            found |= read_input(path.parent / text.removeprefix("-r "))
        elif text and not text.startswith("#"):
            requirement = _requirement(path, text)
            found[canonicalize_name(requirement.name)] = requirement
    return found


def _entries(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each requirement with its hashes on one line, and the comments below it."""
    entry, comments = "", list[str]()
    for line in path.read_text().replace("\\\n", " ").splitlines():
        if line.startswith((" ", "#")) or not line:
            comments.append(line.strip(" #"))
            continue
        if entry:
            yield entry, comments
        entry, comments = line, []
    if entry:
        yield entry, comments


def _pin(path: Path, entry: str, comments: list[str]) -> Pin:
    requirement = _requirement(path, entry.partition(" --hash=")[0].strip())
    hashes = tuple(_HASH.findall(entry))
    if not hashes:
        raise SecurityError(f"{path.name}: {requirement.name} has no sha256; make lock")
    wanted_by = tuple(text.removeprefix("via").strip() for text in comments)
    return Pin(
        name=canonicalize_name(requirement.name),
        version=str(requirement.specifier).removeprefix("=="),
        marker=requirement.marker,
        hashes=hashes,
        wanted_by=tuple(filter(None, wanted_by)),
    )


def _requirement(path: Path, text: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise SecurityError(f"{path.name}: not a requirement: {text}") from None
    if requirement.url or not _PINNED.fullmatch(str(requirement.specifier)):
        raise SecurityError(f"{path.name}: {requirement.name} is not pinned to one version")
    return requirement
