"""The image that the worker's stands on: the official one, or a stand-in where no registry answers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from platform import machine

from infra.containers.engine import INSTALL, Engine
from infra.containers.errors import ContainerError, Unavailable

STAND_IN = "localhost/rootnote-stand-in:python3"
STAND_IN_LABEL = "rootnote.stand-in"

_PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}
_SUITE = "bookworm"
"""The Debian whose Python is the 3.11 that the Dockerfile names."""
_PACKAGES = ("ca-certificates", "netbase", "tzdata", "python3", "python3-venv")
_UNREAD = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")
# As in the official image: pip and python under /usr/local, and nothing of pip anywhere else.
_HOOKS = (
    'chroot "$1" python3 -m venv /usr/local',
    'rm -rf "$1"/usr/share/python-wheels "$1"/usr/lib/python3.*/ensurepip',
)
_CONFIGURATION = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    f"LABEL {STAND_IN_LABEL}=true",
)
_REGISTRY_SECONDS = 20.0
_PULL_SECONDS = 600.0
_STAND_IN_SECONDS = 600.0
_TRIAL_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Base:
    name: str
    is_stand_in: bool


def official_name(dockerfile: Path) -> str:
    """What the Dockerfile stands on when nobody says otherwise."""
    found = re.search(r"^ARG BASE=(\S+)$", dockerfile.read_text(), re.MULTILINE)
    if found is None:
        raise ContainerError(f"{dockerfile} has no line ARG BASE=…")
    return found[1]


def native_platform() -> str:
    """As engines name it. Raises Unavailable for a machine of any other kind."""
    name = machine()
    if name not in _PLATFORMS:
        raise Unavailable(f"images are made for linux/amd64 and linux/arm64, and this is {name}")
    return _PLATFORMS[name]


def find_base(
    engine: Engine, official: str, *, platform: str, say: Callable[[str], None], show: bool
) -> Base:
    """An image to build on, pulled or made if need be, that containers can be run from.

    Raises Unavailable where this machine can have none, ContainerError where a step failed.
    """
    base = Base(name=official, is_stand_in=False)
    if is_here(engine, official, platform):
        pass
    elif registry_has(engine, official):
        say(f"pulling {official} for {platform}")
        engine.call("pull", "--platform", platform, official, seconds=_PULL_SECONDS, show=show)
    elif platform != native_platform():
        raise Unavailable(
            f"no registry answers, and a stand-in for {platform} cannot be made on this machine"
        )
    else:
        base = Base(name=STAND_IN, is_stand_in=True)
        if not is_here(engine, STAND_IN, platform):
            say(
                f"no registry has {official} for this machine: making a stand-in from Debian (about a minute)"
            )
            _make_stand_in(engine)
    _try(engine, base, platform)
    return base


def is_here(engine: Engine, name: str, platform: str) -> bool:
    """An engine may keep one image by a name, and that may be for another machine."""
    done = engine.attempt("image", "inspect", name, seconds=_TRIAL_SECONDS)
    if done.returncode:
        return False
    [found] = json.loads(done.stdout)
    return f"{found['Os']}/{found['Architecture']}" == platform


def registry_has(engine: Engine, name: str) -> bool:
    try:
        return engine.attempt("manifest", "inspect", name, seconds=_REGISTRY_SECONDS).returncode == 0
    except ContainerError:
        return False


def _make_stand_in(engine: Engine) -> None:
    program = shutil.which("mmdebstrap", path=engine.env.get("PATH"))
    if program is None:
        raise Unavailable(f"no registry answers and there is no mmdebstrap to make a stand-in; {INSTALL}")
    command = [program, "--quiet", "--variant=minbase", f"--include={','.join(_PACKAGES)}"]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in _UNREAD]
    command += [f"--customize-hook={hook}" for hook in _HOOKS]
    changes = [word for line in _CONFIGURATION for word in ("--change", line)]
    importing = [engine.program, "import", *changes, "-", STAND_IN]
    with (
        subprocess.Popen(
            [*command, _SUITE, "-"], env=engine.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as made,
        subprocess.Popen(
            importing, env=engine.env, stdin=made.stdout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as imported,
    ):
        assert made.stdout is not None  # noqa: S101 - PIPE above
        made.stdout.close()
        try:
            said, _ = imported.communicate(timeout=_STAND_IN_SECONDS)
            _, complaint = made.communicate(timeout=_TRIAL_SECONDS)
        except subprocess.TimeoutExpired:
            made.kill()
            imported.kill()
            raise ContainerError("the stand-in was not made in time") from None
    if made.returncode:
        raise Unavailable(f"no stand-in from Debian: {_last_line(complaint)}")
    if imported.returncode:
        raise ContainerError(f"{engine.kind} does not take the stand-in: {_last_line(said)}")


def _try(engine: Engine, base: Base, platform: str) -> None:
    """An engine can be there and yet be refused what containers need, as inside of another container;
    and programs of another processor need emulation (binfmt)."""
    options = ("--rm", "--network=host", "--pull=never")
    done = engine.attempt("run", *options, base.name, "true", seconds=_TRIAL_SECONDS)
    if done.returncode:
        complaint = _last_line(done.stderr.encode())
        raise Unavailable(f"{engine.kind} cannot run containers for {platform} here: {complaint}")


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it did not say why"
