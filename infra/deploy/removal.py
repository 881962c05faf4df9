"""`destroy`: the stack and all in it goes; what stays is named."""

from __future__ import annotations

from infra.deploy.deployment import Deployment
from infra.deploy.errors import DeployError
from infra.deploy.events import Event, EventFeed
from infra.deploy.registry import STACK as REGISTRY_STACK
from infra.deploy.registry import find_repository
from infra.deploy.stacks import Stack, find_stack, resources, watch


def find_doomed(deployment: Deployment) -> Stack | None:
    """The stack to delete; None: there is none. Raises DeployError where something protects it."""
    name, environment = deployment.profile.stack, deployment.profile.name
    stack = find_stack(deployment.aws.cloudformation, name)
    if stack is None:
        return None
    if stack.protected:
        raise DeployError(
            f"the stack {name} has termination protection: `aws cloudformation update-termination-protection "
            f"--no-enable-termination-protection --stack-name {name}` takes it off"
        )
    if stack.parameters.get("DeletionProtection") == "true" and stack.standing:
        raise DeployError(
            f"DeletionProtection protects the database of {name}: set DeletionProtection=false in "
            f"samconfig.toml, run `make deploy ENV={environment}`, then destroy"
        )
    if stack.busy and not stack.standing and stack.status != "DELETE_IN_PROGRESS":
        raise DeployError(f"the stack {name} is {stack.status}: wait until that has ended")
    return stack


def destroy(deployment: Deployment, stack: Stack) -> None:
    """Delete it, wait, and say what remains. Raises DeployError with what could not be deleted."""
    cloudformation, console = deployment.aws.cloudformation, deployment.console
    # By its id: a deleted stack's name finds nothing.
    feed = EventFeed(cloudformation, stack.id)
    databases = [
        each.id for each in resources(cloudformation, stack.id) if each.type == "AWS::RDS::DBInstance"
    ]
    console.step(f"deleting {stack.name} (10 to 30 minutes: the network waits for Lambda's interfaces)")
    cloudformation.delete_stack(StackName=stack.id)
    after = watch(cloudformation, stack.id, feed, console=console, sleep=deployment.sleep)
    if after is not None and after.status != "DELETE_COMPLETE":
        failures = [f"{event.path} ({event.type}): {event.reason}" for event in feed.failures()]
        raise DeployError(
            *failures,
            f"the stack {stack.name} is {after.status}: mend what is named above and run this again",
        )
    console.good(f"{stack.name} is gone")
    _say_what_remains(deployment, feed.kept(), databases)


def _say_what_remains(deployment: Deployment, kept: list[Event], databases: list[str]) -> None:
    console = deployment.console
    console.step("what remains, and costs a little")
    for event in kept:
        console.plain(f"  {event.path} ({event.type}) was kept")
    for database in databases:
        console.plain(f"  a last snapshot of the database {database}, unless there was none to take:")
        console.plain(f"    aws rds describe-db-snapshots --db-instance-identifier {database}")
        console.plain("    aws rds delete-db-snapshot --db-snapshot-identifier …")
    if find_stack(deployment.aws.cloudformation, REGISTRY_STACK):
        repository = find_repository(deployment)
        console.plain("  the images, shared by all environments:")
        console.plain(f"    aws ecr delete-repository --force --repository-name {repository.name}")
        console.plain(f"    aws cloudformation delete-stack --stack-name {REGISTRY_STACK}")
    console.plain(
        "  sam's bucket of bundles, shared by all that it deploys: stack aws-sam-cli-managed-default"
    )
