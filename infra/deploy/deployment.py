"""What every command works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.deploy.aws import Aws
from infra.deploy.console import Console
from infra.deploy.errors import DeployError
from infra.deploy.profile import Profile, read_profile


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One environment, from one checkout. `sleep` is given seconds."""

    root: Path
    profile: Profile
    aws: Aws
    console: Console
    sleep: Callable[[float], None]


def open_deployment(
    root: Path,
    environment: str,
    *,
    region: str | None,
    aws_profile: str | None,
    console: Console,
    sleep: Callable[[float], None],
) -> Deployment:
    """Read samconfig.toml; AWS is not asked yet. A region or profile given here goes before samconfig's.

    Raises DeployError, for a missing region as well.
    """
    profile = read_profile(root, environment)
    aws = Aws(region=region or profile.region, profile=aws_profile or profile.aws_profile)
    if not aws.region:
        raise DeployError("no AWS region: give --region eu-central-1, or set AWS_REGION")
    return Deployment(root=root, profile=profile, aws=aws, console=console, sleep=sleep)
