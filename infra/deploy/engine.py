"""docker or podman: whichever is here and answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.deploy import children
from infra.deploy.errors import DeployError

_PROBE_SECONDS = 20
_INSTALL = "install Docker or podman, or start its daemon"
_ARCHITECTURES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """`native` is the architecture that it runs without emulation, as Lambda calls it."""

    name: str
    native: str

    def build(self, *, reference: str, architecture: str, label: str) -> list[str]:
        """The command that leaves the image in this machine's store."""
        common = ["--platform", PLATFORMS[architecture], "--file", "Dockerfile.worker"]
        common += ["--label", f"org.opencontainers.image.revision={label}", "--tag", reference, "."]
        if self.name == "podman":
            # Its own format has no health check.
            return ["podman", "build", "--format", "docker", *common]
        # With provenance, the digest would be that of an index and change with each build.
        return ["docker", "buildx", "build", "--provenance=false", "--load", *common]

    def login(self, registry: str) -> list[str]:
        return [self.name, "login", "--username", "AWS", "--password-stdin", registry]

    def logout(self, registry: str) -> list[str]:
        return [self.name, "logout", registry]

    def push(self, reference: str) -> list[str]:
        return [self.name, "push", reference]


def find_engine(root: Path, wanted: str | None = None) -> Engine:
    """Raises DeployError that says of each what is wrong with it."""
    problems = []
    for name, probe in (("docker", _docker), ("podman", _podman)):
        if wanted in {None, name}:
            found = probe(root)
            if isinstance(found, Engine):
                return found
            problems.append(f"{name}: {found}")
    raise DeployError(f"no container engine ({'; '.join(problems)}): {_INSTALL}")


def _docker(root: Path) -> Engine | str:
    version = _ask(root, "docker", "version", "--format", "{{.Server.Arch}}")
    if not version.ok:
        return version.last_line
    buildx = _ask(root, "docker", "buildx", "version")
    if not buildx.ok:
        return "has no buildx, which builds for other platforms"
    return Engine(name="docker", native=_ARCHITECTURES.get(version.out, version.out))


def _podman(root: Path) -> Engine | str:
    info = _ask(root, "podman", "info", "--format", "{{.Host.Arch}}")
    if not info.ok:
        return info.last_line
    return Engine(name="podman", native=_ARCHITECTURES.get(info.out, info.out))


def _ask(root: Path, *argv: str) -> children.Answer:
    return children.ask(argv, cwd=root, seconds=_PROBE_SECONDS)
