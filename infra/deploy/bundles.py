"""`build`: what `deploy` would upload, without an AWS account."""

from __future__ import annotations

from pathlib import Path

from infra.deploy import preflight, sam
from infra.deploy.console import Console
from infra.deploy.engine import find_engine
from infra.deploy.image import build_image
from infra.deploy.profile import all_parameters, read_profile, write_parameters
from infra.deploy.version import lambda_runtime, read_version

LOCAL_IMAGE = "rootnote-worker:local"
_NO_IMAGE = f"local/rootnote@sha256:{'0' * 64}"


def build(root: Path, environment: str, *, image: bool, engine: str | None, console: Console) -> None:
    """Raises DeployError."""
    profile = read_profile(root, environment)
    architecture = preflight.architecture(profile)
    version, runtime = read_version(root), lambda_runtime()
    found = find_engine(root, engine) if image else None
    ours = {"ImageUri": _NO_IMAGE, "LambdaRuntime": runtime, "SchemaVersion": version.schema}
    parameters = write_parameters(root, profile, all_parameters(profile, ours))
    console.step(f"bundles of {version.label} for {runtime}, {architecture}")
    sam.build(
        root,
        preflight.find_sam(root),
        profile=environment,
        parameters=parameters,
        architecture=architecture,
        runtime=runtime,
    )
    console.good(f"{Path(sam.BUILT).parent}/")
    if found:
        console.step(f"image {LOCAL_IMAGE}, by {found.name}")
        build_image(found, root, LOCAL_IMAGE, architecture=architecture, label=version.label, console=console)
        console.good(LOCAL_IMAGE)
