"""`sam build` and `sam deploy`, with every parameter said."""

from __future__ import annotations

from pathlib import Path

from infra.bundle.target import Target
from infra.deploy import children
from infra.deploy.deployment import Deployment
from infra.deploy.errors import DeployError
from infra.deploy.events import EventFeed
from infra.deploy.stacks import Stack, find_stack, show_events

BUILT = ".aws-sam/build/template.yaml"
_QUIET = {"SAM_CLI_TELEMETRY": "0"}
_POLL_SECONDS = 10


def build(root: Path, sam: str, *, profile: str, parameters: str, target: Target) -> None:
    """Bundles and template into .aws-sam/build. Raises DeployError."""
    command = [sam, "build", "--config-env", profile, "--template-file", "template.yaml", "--build-in-source"]
    command += ["--parameter-overrides", parameters]
    # The make targets that build a bundle learn for what from their environment.
    extra = _QUIET | {"ARCH": str(target.architecture), "PYTHON_VERSION": target.python}
    code = children.show(command, cwd=root, extra=extra)
    if code:
        raise DeployError(f"the bundles were not built (sam build ended with {code}): see above")


def deploy(deployment: Deployment, sam: str, parameters: str, *, schema: str, ask: bool) -> Stack:
    """Bring the stack to what was built, and wait. `schema` is the SchemaVersion that it then has.

    With `ask`, a profile with confirm_changeset has its question. Raises DeployError with what failed.
    """
    profile, console = deployment.profile, deployment.console
    cloudformation = deployment.aws.cloudformation
    feed = EventFeed(cloudformation, profile.stack, inner_only=True)
    code = children.show(
        _deploy_command(deployment, sam, parameters, ask=ask),
        cwd=deployment.root,
        extra=_QUIET | {"SAM_CLI_POLL_DELAY": str(_POLL_SECONDS)},
        meanwhile=lambda: show_events(feed, console),
        every=_POLL_SECONDS,
    )
    stack = find_stack(cloudformation, profile.stack)
    if code:
        raise DeployError(*_failures(feed), _how_it_stands(stack, profile.stack, profile.name))
    # sam calls it a success when the answer to its question was no.
    if stack is None or not stack.standing or stack.parameters.get("SchemaVersion") != schema:
        raise DeployError("sam deployed nothing: the changeset was not confirmed")
    return stack


def _deploy_command(deployment: Deployment, sam: str, parameters: str, *, ask: bool) -> list[str]:
    profile = deployment.profile
    command = [sam, "deploy", "--config-env", profile.name, "--stack-name", profile.stack]
    command += ["--template-file", BUILT, "--region", deployment.aws.region]
    if deployment.aws.profile:
        command += ["--profile", deployment.aws.profile]
    if not profile.own_bucket:
        command += ["--resolve-s3"]
    if not ask:
        command += ["--no-confirm-changeset"]
    command += ["--no-fail-on-empty-changeset", "--no-progressbar"]
    command += ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    return [*command, "--parameter-overrides", parameters]


def _failures(feed: EventFeed) -> list[str]:
    return [f"{event.path} ({event.type}) {event.status}: {event.reason}" for event in feed.failures()]


def _how_it_stands(stack: Stack | None, name: str, environment: str) -> str:
    if stack is None:
        return f"sam deploy failed and there is no stack {name}: see above"
    if stack.status == "UPDATE_ROLLBACK_COMPLETE":
        return f"the deployment failed; the stack {name} is back at the version before it"
    if stack.status == "ROLLBACK_COMPLETE":
        return (
            f"the first deployment failed and was undone: mend what is named above, run "
            f"`make destroy ENV={environment}`, then deploy again"
        )
    if stack.busy:
        return f"the stack {name} is still {stack.status}: see `make deploy-status ENV={environment}`"
    return f"sam deploy failed; the stack {name} is {stack.status} ({stack.reason or 'see above'})"
