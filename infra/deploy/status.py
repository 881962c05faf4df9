"""`status`: what is deployed, and how it is."""

from __future__ import annotations

from infra.deploy.deployment import Deployment
from infra.deploy.one_off import find_service
from infra.deploy.smoke import get
from infra.deploy.stacks import Stack, obstacle, the_stack

_SHOWN = ("SchemaVersion", "LambdaRuntime", "Architecture", "ImageUri")


def show_status(deployment: Deployment) -> None:
    """Raises DeployError where there is no stack."""
    console, profile = deployment.console, deployment.profile
    stack = the_stack(deployment.aws.cloudformation, profile.stack, profile.name)
    say = console.good if stack.standing else console.bad
    say(f"stack {stack.name}: {stack.status} since {stack.changed_at:%Y-%m-%d %H:%M} UTC")
    problem = obstacle(stack, profile.name)
    if problem:
        console.bad(problem)
    for parameter in _SHOWN:
        console.say(f"{parameter} = {stack.parameters.get(parameter, '')}")
    for output, value in sorted(stack.outputs.items()):
        console.say(f"{output} = {value}")
    if "ClusterName" in stack.outputs:
        for output in ("WorkerServiceName", "BeatServiceName"):
            _show_service(deployment, stack, output)
    if "ApiUrl" in stack.outputs:
        _show_readiness(deployment, stack.outputs["ApiUrl"].rstrip("/"))


def _show_service(deployment: Deployment, stack: Stack, output: str) -> None:
    service = find_service(deployment, stack, output)
    running, wanted = service["runningCount"], service["desiredCount"]
    say = deployment.console.good if running >= wanted else deployment.console.warn
    say(f"service {service['serviceName']}: {running} of {wanted} tasks run")


def _show_readiness(deployment: Deployment, api_url: str) -> None:
    console = deployment.console
    reply = get(f"{api_url}/readyz")
    if reply.status == 200:
        console.good("ready: every part is well")
        return
    console.warn(f"not ready: {reply.status or reply.error}")
    for name, why in reply.red.items():
        console.warn(f"  {name} is not well ({why or 'no more is known'})")
