"""A container engine: docker where its daemon answers, else podman."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from infra.containers import podman
from infra.containers.errors import ContainerError, Unavailable

INSTALL = "on Debian or Ubuntu: make container-engine (as root)"

_ANSWER_SECONDS = 15.0
_LAST_LINES = 15


class Kind(StrEnum):
    DOCKER = "docker"
    PODMAN = "podman"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """`env` is the whole environment of the program."""

    kind: Kind
    program: str
    version: str
    env: Mapping[str, str]

    def call(self, *words: str, seconds: float, show: bool = False) -> str:
        """What it printed to stdout; with `show` all goes to the terminal instead.

        Raises ContainerError with the end of what it said.
        """
        done = self.attempt(*words, seconds=seconds, show=show)
        if done.returncode:
            said = "\n".join((done.stderr or done.stdout or "").strip().splitlines()[-_LAST_LINES:])
            raise ContainerError(
                f"{self.kind} {words[0]} failed ({done.returncode})" + (said and f":\n{said}")
            )
        return done.stdout or ""

    def attempt(self, *words: str, seconds: float, show: bool = False) -> subprocess.CompletedProcess[str]:
        """Raises ContainerError where it does not end in time; how it ended is the caller's to judge."""
        try:
            return subprocess.run(
                [self.program, *words],
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=not show,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ContainerError(f"{self.kind} {words[0]} did not end within {seconds:g} s") from None


def find_engine(folder: Path, environ: Mapping[str, str] = os.environ) -> Engine:
    """`folder` is where podman keeps images and its settings, as root. Raises Unavailable."""
    path = environ.get("PATH", os.defpath)
    docker, found = shutil.which("docker", path=path), shutil.which("podman", path=path)
    problems = []
    if docker is None:
        problems.append("there is no docker")
    elif version := _docker_version(docker, environ):
        return Engine(kind=Kind.DOCKER, program=docker, version=version, env=dict(environ))
    else:
        problems.append("docker's daemon does not answer")
    if found is None:
        problems.append("there is no podman")
    else:
        env = dict(environ)
        if os.geteuid() == 0:
            env |= podman.own_settings(folder, path)
        answer = _ask([found, "version", "--format", "{{.Client.Version}}"], env)
        if answer:
            return Engine(kind=Kind.PODMAN, program=found, version=answer, env=env)
        problems.append("podman does not answer")
    raise Unavailable(f"no container engine ({', '.join(problems)}); {INSTALL}")


def _docker_version(program: str, env: Mapping[str, str]) -> str:
    """Of the daemon; blank where none answers, and for podman by docker's name."""
    if "podman" in _ask([program, "--version"], env).lower():
        return ""
    return _ask([program, "version", "--format", "{{.Server.Version}}"], env)


def _ask(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Its answer, or nothing at all where it fails or takes too long."""
    try:
        done = subprocess.run(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
