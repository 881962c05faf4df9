"""The stack with the image repository. It is one for all environments, and it is there before any of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from infra.deploy.deployment import Deployment
from infra.deploy.errors import DeployError
from infra.deploy.events import EventFeed
from infra.deploy.stacks import find_stack, resources, watch

STACK = "rootnote-registry"
TEMPLATE = Path("infra/registry.yaml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """`uri` without a tag: `account.dkr.ecr.region.amazonaws.com/name`."""

    name: str
    uri: str

    @property
    def registry(self) -> str:
        return self.uri.partition("/")[0]


def ensure_registry(deployment: Deployment) -> Repository:
    """Create or update the stack and wait for it. Raises DeployError where that fails."""
    cloudformation, console = deployment.aws.cloudformation, deployment.console
    body = (deployment.root / TEMPLATE).read_text()
    stack = find_stack(cloudformation, STACK)
    feed = EventFeed(cloudformation, STACK)
    if stack is None:
        # What could not be created is gone again, so that the next try starts from nothing.
        cloudformation.create_stack(StackName=STACK, TemplateBody=body, OnFailure="DELETE")
    elif not _update(deployment, body):
        console.say(f"{STACK} is up to date")
        return find_repository(deployment)
    after = watch(cloudformation, STACK, feed, console=console, sleep=deployment.sleep)
    if after is None or after.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        why = "; ".join(f"{event.path}: {event.reason}" for event in feed.failures())
        raise DeployError(f"the stack {STACK} is {after.status if after else 'gone'}: {why}")
    return find_repository(deployment)


def find_repository(deployment: Deployment) -> Repository:
    aws = deployment.aws
    for resource in resources(aws.cloudformation, STACK):
        if resource.type == "AWS::ECR::Repository":
            [found] = aws.ecr.describe_repositories(repositoryNames=[resource.id])["repositories"]
            return Repository(name=resource.id, uri=found["repositoryUri"])
    raise DeployError(f"the stack {STACK} has no image repository: see {TEMPLATE}")


def _update(deployment: Deployment, body: str) -> bool:
    """False: there is nothing to change."""
    try:
        deployment.aws.cloudformation.update_stack(StackName=STACK, TemplateBody=body)
    except ClientError as exc:
        if "No updates are to be performed" in exc.response.get("Error", {}).get("Message", ""):
            return False
        raise
    return True
