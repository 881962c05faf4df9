"""What is looked at before anything is changed, so that what is missing costs a line, no more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from infra.bundle.errors import BundleError
from infra.bundle.interpreter import interpreter_for
from infra.bundle.target import Architecture, Target, wanted
from infra.deploy import stacks
from infra.deploy.deployment import Deployment
from infra.deploy.engine import Engine, find_engine
from infra.deploy.errors import DeployError
from infra.deploy.profile import Profile, all_parameters
from infra.deploy.registry import STACK as REGISTRY_STACK
from infra.deploy.registry import TEMPLATE as REGISTRY_TEMPLATE
from infra.deploy.version import Version, read_version

OURS = ("ImageUri", "LambdaRuntime", "Architecture", "SchemaVersion", "Release")
"""The parameters that are found out here, whatever the profile says."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """What the checks found out."""

    sam: str
    engine: Engine
    version: Version
    target: Target


def check(deployment: Deployment, *, engine: str | None) -> Ready:
    """Look at everything, then raise one DeployError with every problem, or say what was found."""
    problems: list[str] = []

    def look(at: Callable[[], T]) -> T | None:
        try:
            return at()
        except DeployError as exc:
            problems.extend(exc.problems)
            return None

    sam = look(lambda: find_sam(deployment.root))
    found_engine = look(lambda: find_engine(deployment.root, engine))
    version = look(lambda: read_version(deployment.root))
    target = look(lambda: bundle_target(deployment.profile))
    look(lambda: _templates(deployment))
    # Who we are first: the other questions to AWS would fail for the same reason.
    if look(lambda: _identity(deployment)):
        look(lambda: _stacks_are_free(deployment))
    if problems or not (sam and found_engine and version and target):
        raise DeployError(*problems)
    _say_version(deployment, version)
    _say_engine(deployment, found_engine, target.architecture)
    deployment.console.say(f"bundles for {target.runtime} on {target.architecture}, by {sam}")
    return Ready(sam=sam, engine=found_engine, version=version, target=target)


def find_sam(root: Path) -> str:
    """The pinned one, or another that is on the PATH."""
    pinned = root / ".venv-sam" / "bin" / "sam"
    found = str(pinned) if pinned.exists() else shutil.which("sam")
    if not found:
        raise DeployError("there is no sam: run this by make, which installs it into .venv-sam")
    return found


def bundle_target(profile: Profile) -> Target:
    """For which processor and Python; the image is for the same processor. Raises DeployError.

    The profile's Architecture and PYTHON_VERSION, where these are said; else what suits this Python.
    """
    # Images of Python set it to 3.11.7.
    python = ".".join(os.environ.get("PYTHON_VERSION", "").split(".")[:2])
    said = profile.parameters.get("Architecture") or os.environ.get("ARCH", "")
    try:
        target = wanted({"ARCH": said, "PYTHON_VERSION": python})
        best = wanted({"PYTHON_VERSION": target.python}).architecture
        interpreter_for(target)
    except BundleError as exc:
        raise DeployError(str(exc)) from exc
    if (target.architecture, best) == (Architecture.ARM64, Architecture.X86_64):
        raise DeployError(
            f"psycopg has no wheel for arm64 and Lambda's Python {target.python}: set PYTHON_VERSION=3.12 "
            "(with python3.12 on the PATH), or Architecture=x86_64 in samconfig.toml"
        )
    return target


def _templates(deployment: Deployment) -> bool:
    if not (deployment.root / REGISTRY_TEMPLATE).is_file():
        raise DeployError(f"{REGISTRY_TEMPLATE} is not here: run this in a checkout of Rootnote")
    all_parameters(deployment.profile, dict.fromkeys(OURS, ""))
    return True


def _identity(deployment: Deployment) -> bool:
    identity = deployment.aws.identity()
    deployment.console.say(f"AWS account {identity.account}, {deployment.aws.region}, as {identity.arn}")
    return True


def _stacks_are_free(deployment: Deployment) -> bool:
    cloudformation, profile = deployment.aws.cloudformation, deployment.profile
    stack = stacks.find_stack(cloudformation, profile.stack)
    obstacle = stacks.obstacle(stack, profile.name)
    registry = stacks.find_stack(cloudformation, REGISTRY_STACK)
    if registry and registry.busy:
        obstacle = f"the stack {REGISTRY_STACK} is {registry.status}: wait until that has ended"
    if obstacle:
        raise DeployError(obstacle)
    now = stack.status if stack else "not there yet; making it takes 15 to 30 minutes, mostly the database"
    deployment.console.say(f"stack {profile.stack}: {now}")
    return True


def _say_version(deployment: Deployment, version: Version) -> None:
    console = deployment.console
    if version.commit is None:
        console.warn(f"not in git: what is deployed will be called {version.label}")
    elif version.changed_files:
        console.warn(f"{version.changed_files} files differ from the commit: deploying {version.label}")
    else:
        console.say(f"commit {version.label}, nothing changed since")


def _say_engine(deployment: Deployment, engine: Engine, wanted: str) -> None:
    if engine.native == wanted:
        deployment.console.say(f"image for {wanted}, by {engine.name}")
    else:
        deployment.console.warn(
            f"image for {wanted}, by {engine.name} on {engine.native}: emulated, so slow; it needs QEMU"
        )
