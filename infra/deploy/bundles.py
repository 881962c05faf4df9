"""`build`: what `deploy` would upload, without an AWS account."""

from __future__ import annotations

from pathlib import Path

from infra.bundle.target import NO_IMAGE
from infra.deploy import preflight, sam
from infra.deploy.console import Console
from infra.deploy.profile import all_parameters, read_profile, write_parameters
from infra.deploy.version import read_version, release


def build(root: Path, environment: str, *, console: Console) -> None:
    """Raises DeployError."""
    profile = read_profile(root, environment)
    target = preflight.bundle_target(profile)
    version = read_version(root)
    found = preflight.find_sam(root)
    ours = {
        "ImageUri": NO_IMAGE,
        "LambdaRuntime": target.runtime,
        "Architecture": str(target.architecture),
        "SchemaVersion": version.schema,
    }
    ours["Release"] = release(root, version, all_parameters(profile, ours))
    parameters = write_parameters(root, profile, all_parameters(profile, ours))
    console.step(f"bundles of {version.label} for {target.runtime} on {target.architecture}")
    sam.build(root, found, profile=environment, parameters=parameters, target=target)
    console.good(f"{Path(sam.BUILT).parent}/")
