"""CloudFormation stacks, those inside them too: how they are, and what happens in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.deploy.console import Console
from infra.deploy.errors import DeployError
from infra.deploy.events import EventFeed

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

POLL_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    id: str
    name: str
    status: str
    reason: str
    changed_at: datetime
    protected: bool
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS")

    @property
    def standing(self) -> bool:
        """All of it is there, in this version or, after a failed update, in the last one."""
        return self.status in {
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        }

    def output(self, name: str) -> str:
        try:
            return self.outputs[name]
        except KeyError:
            raise DeployError(f"the stack {self.name} ({self.status}) has no output {name}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    name: str
    type: str
    id: str


def find_stack(cloudformation: CloudFormationClient, name_or_id: str) -> Stack | None:
    try:
        found = cloudformation.describe_stacks(StackName=name_or_id)["Stacks"]
    except ClientError as exc:
        if "does not exist" in exc.response.get("Error", {}).get("Message", ""):
            return None
        raise
    return _stack(found[0]) if found else None


def the_stack(cloudformation: CloudFormationClient, name: str, environment: str) -> Stack:
    """The one that must be there. Raises DeployError where it is not."""
    stack = find_stack(cloudformation, name)
    if stack is None or stack.status == "REVIEW_IN_PROGRESS":
        raise DeployError(f"there is no stack {name}: run `make deploy ENV={environment}` first")
    return stack


def obstacle(stack: Stack | None, environment: str) -> str | None:
    """Why the stack cannot be deployed to as it is, with what to do; None where it can."""
    if stack is None or stack.status == "REVIEW_IN_PROGRESS":
        return None
    if stack.status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}:
        return (
            f"the stack {stack.name} is {stack.status} and takes no update: "
            f"run `make destroy ENV={environment}`, then deploy again"
        )
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        return (
            f"the stack {stack.name} could not be rolled back ({stack.reason}): mend that, then run "
            f"`aws cloudformation continue-update-rollback --stack-name {stack.name}`"
        )
    if stack.busy and not stack.standing:
        return f"the stack {stack.name} is {stack.status}: somebody else is at it; wait until that has ended"
    return None


def resources(cloudformation: CloudFormationClient, stack: str) -> Iterator[Resource]:
    """Of the stack and all stacks inside it."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for found in page["StackResourceSummaries"]:
            physical = found.get("PhysicalResourceId", "")
            if found["ResourceStatus"] == "DELETE_COMPLETE" or not physical:
                continue
            if found["ResourceType"] == "AWS::CloudFormation::Stack":
                yield from resources(cloudformation, physical)
            else:
                yield Resource(name=found["LogicalResourceId"], type=found["ResourceType"], id=physical)


def watch(
    cloudformation: CloudFormationClient,
    stack_id: str,
    feed: EventFeed,
    *,
    console: Console,
    sleep: Callable[[float], None],
) -> Stack | None:
    """Show what happens until it has ended, and return how. None: there is no such stack any more."""
    while True:
        stack = find_stack(cloudformation, stack_id)
        show_events(feed, console)
        if stack is None or not stack.busy:
            return stack
        sleep(POLL_SECONDS)


def show_events(feed: EventFeed, console: Console) -> None:
    for event in feed.fresh():
        line = f"{event.path} {event.status}"
        if event.failed:
            console.bad(f"{line}: {event.reason}")
        else:
            console.say(line)


def _stack(found: StackTypeDef) -> Stack:
    return Stack(
        id=found.get("StackId", ""),
        name=found["StackName"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        changed_at=found.get("LastUpdatedTime") or found["CreationTime"],
        protected=found.get("EnableTerminationProtection", False),
        parameters={
            each.get("ParameterKey", ""): each.get("ParameterValue", "")
            for each in found.get("Parameters", [])
        },
        outputs={each.get("OutputKey", ""): each.get("OutputValue", "") for each in found.get("Outputs", [])},
    )
