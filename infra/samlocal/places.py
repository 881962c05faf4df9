"""Where `make sam-local` keeps what it makes, under .local/ of the checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Places:
    root: Path

    @property
    def local(self) -> Path:
        return self.root / ".local"

    @property
    def folder(self) -> Path:
        return self.local / "samlocal"

    @property
    def containers(self) -> Path:
        """Podman's images, those of `make image` among them."""
        return self.local / "containers"

    @property
    def build(self) -> Path:
        """Not .aws-sam/build, which may hold what is to be deployed."""
        return self.folder / "build"

    @property
    def env_json(self) -> Path:
        return self.folder / "env.json"

    @property
    def key(self) -> Path:
        return self.folder / "api_key"

    @property
    def session(self) -> Path:
        """There while it runs: what another `sam local` has to be told."""
        return self.folder / "session.json"

    @property
    def sam(self) -> Path:
        return self.root / ".venv-sam" / "bin" / "sam"
