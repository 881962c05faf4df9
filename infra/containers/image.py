"""Building Dockerfile.worker."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.containers.base import Base, find_base, native_platform, official_name
from infra.containers.engine import Engine, Kind
from infra.containers.errors import ContainerError
from infra.containers.pip_settings import build_secrets

TAG = "localhost/rootnote:worker"

_BUILD_SECONDS = 1_800.0
_INSPECT_SECONDS = 30.0
_PLATFORM = re.compile(r"linux/(amd64|arm64)")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True, kw_only=True)
class Image:
    """`size` is of the unpacked layers, in bytes; a registry's is about a third of it."""

    tag: str
    id: str
    platform: str
    size: int
    base: Base


def build_worker(
    engine: Engine,
    root: Path,
    *,
    tag: str = TAG,
    platform: str | None = None,
    say: Callable[[str], None],
    show: bool = False,
) -> Image:
    """Build the checkout at `root` for `platform`, this machine's by default.

    Another platform needs its emulation in the kernel (binfmt). With `show` the engine writes to the
    terminal. Raises Unavailable and ContainerError.
    """
    platform = platform or native_platform()
    if not _PLATFORM.fullmatch(platform):
        raise ContainerError(f"the platform is linux/amd64 or linux/arm64, not {platform}")
    dockerfile = root / "Dockerfile.worker"
    base = find_base(engine, official_name(dockerfile), platform=platform, say=say, show=show)
    say(f"building {tag} on {base.name}")
    with build_secrets(engine.env) as secrets:
        engine.call(
            "build",
            *_options(engine, base, platform),
            *secrets,
            *("--file", str(dockerfile), "--tag", tag, str(root)),
            seconds=_BUILD_SECONDS,
            show=show,
        )
    told = inspect(engine, tag)
    return Image(
        tag=tag, id=told["Id"], platform=f"{told['Os']}/{told['Architecture']}", size=told["Size"], base=base
    )


def inspect(engine: Engine, tag: str) -> dict[str, Any]:
    """What the engine knows of the image; `Config` has what Dockerfiles say."""
    [found] = json.loads(engine.call("image", "inspect", tag, seconds=_INSPECT_SECONDS))
    told: dict[str, Any] = found
    return told


def _options(engine: Engine, base: Base, platform: str) -> list[str]:
    options = ["--network=host", "--platform", platform, "--build-arg", f"BASE={base.name}"]
    if engine.kind is Kind.PODMAN:
        # OCI's own format has no place for a health check.
        return [*options, "--format=docker", "--pull=missing"]
    # podman passes these on by itself; they do not get into the image.
    named = [name for name in _PROXIES if engine.env.get(name)]
    return [*options, *(word for name in named for word in ("--build-arg", name))]
