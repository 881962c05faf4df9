"""`deploy`: from the checks to a stack that answers."""

from __future__ import annotations

from infra.deploy import image, preflight, sam
from infra.deploy.deployment import Deployment
from infra.deploy.profile import all_parameters, write_parameters
from infra.deploy.registry import ensure_registry
from infra.deploy.service_roles import ensure_service_roles
from infra.deploy.smoke import smoke_test
from infra.deploy.stacks import Stack, find_stack
from infra.deploy.version import release


def deploy(
    deployment: Deployment, *, engine: str | None, rebuild_image: bool, ask: bool, patience: float
) -> None:
    """Raises DeployError. Up to the end of the checks, nothing has been changed anywhere."""
    console, profile = deployment.console, deployment.profile
    console.step(f"1/6 checks for {profile.name}")
    ready = preflight.check(deployment, engine=engine)

    console.step("2/6 registry")
    repository = ensure_registry(deployment)

    console.step("3/6 image")
    image_uri = image.publish(deployment, ready, repository, rebuild=rebuild_image)

    console.step("4/6 bundles")
    ours = {
        "ImageUri": image_uri,
        "LambdaRuntime": ready.target.runtime,
        "Architecture": str(ready.target.architecture),
        "SchemaVersion": ready.version.schema,
    }
    ours["Release"] = release(deployment.root, ready.version, all_parameters(profile, ours))
    parameters = write_parameters(deployment.root, profile, all_parameters(profile, ours))
    for name, value in sorted((dict(profile.parameters) | ours).items()):
        console.say(f"{name} = {value}")
    sam.build(
        deployment.root,
        ready.sam,
        profile=profile.name,
        parameters=parameters,
        target=ready.target,
    )

    console.step(f"5/6 stack {profile.stack}")
    if find_stack(deployment.aws.cloudformation, profile.stack) is None:
        ensure_service_roles(deployment)
    stack = sam.deploy(deployment, ready.sam, parameters, schema=ready.version.schema, ask=ask)

    console.step("6/6 smoke test")
    api_url = stack.output("ApiUrl").rstrip("/")
    smoke_test(deployment, api_url, patience=patience)
    _say_what_is_there(deployment, stack)


def _say_what_is_there(deployment: Deployment, stack: Stack) -> None:
    console, name = deployment.console, deployment.profile.name
    console.step(f"{stack.name} is {stack.status}")
    for output, value in sorted(stack.outputs.items()):
        console.plain(f"  {output:<30} {value}")
    console.plain()
    console.plain(f"An API key (printed once):  python -m infra.deploy create-key --env {name} --scope admin")
    console.plain(f"The models' keys:           python -m infra.deploy set-model-keys --env {name}")
    console.plain(f"Logs:                       make logs ENV={name} FOLLOW=1")
