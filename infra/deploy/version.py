"""What is deployed, by name: the commit, and a hash of what goes into image and bundles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.store.health import HEAD
from infra.deploy import children
from infra.deploy.errors import DeployError


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """`commit` is short, None outside of git; `content` is the sha-256 of all that is deployed as code."""

    commit: str | None
    changed_files: int
    content: str

    @property
    def label(self) -> str:
        if self.commit is None:
            return f"no-git-{self.content[:8]}"
        return f"{self.commit}-dirty-{self.content[:8]}" if self.changed_files else self.commit

    @property
    def schema(self) -> str:
        """Another text for other code, so that the migrations run; the newest one's id comes first."""
        return f"{HEAD}-{self.label}"


def read_version(root: Path) -> Version:
    commit = children.ask(["git", "rev-parse", "--short=10", "HEAD"], cwd=root)
    status = children.ask(["git", "status", "--porcelain"], cwd=root)
    return Version(
        commit=commit.out if commit.ok else None,
        changed_files=len(status.out.splitlines()) if status.ok else 0,
        content=content_hash(root),
    )


def release(root: Path, version: Version, parameters: Mapping[str, str]) -> str:
    """Another text for other code, templates or parameters."""
    templates = sorted([root / "template.yaml", *root.glob("infra/*.yaml")])
    said = json.dumps(
        [version.label, dict(parameters), [path.read_text() for path in templates]], sort_keys=True
    )
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def content_hash(root: Path) -> str:
    """Of the files that the image is built from, by name and content; times and modes do not count."""
    digest = hashlib.sha256()
    for path in sorted(_image_files(root)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _image_files(root: Path) -> Iterator[Path]:
    """.dockerignore leaves out everything but what its lines with `!` name."""
    ignore = root / ".dockerignore"
    yield from (ignore, root / "Dockerfile.worker")
    for line in ignore.read_text().splitlines():
        if not line.startswith("!"):
            continue
        named = root / line[1:]
        if not named.exists():
            raise DeployError(f".dockerignore names {line[1:]}, which is not here")
        for path in [named] if named.is_file() else named.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                yield path
