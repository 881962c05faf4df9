"""What happens in a stack and in the stacks inside it, and which of it is to blame for a failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackEventTypeDef

_NEVER = datetime.min.replace(tzinfo=UTC)
_STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """`path` names the resource with the stacks around it: `Data > Database`."""

    at: datetime
    path: str
    type: str
    status: str
    reason: str
    of_the_stack: bool
    """Said by a stack of itself: what fails in it is the news."""

    @property
    def failed(self) -> bool:
        return self.status.endswith("_FAILED")

    @property
    def kept(self) -> bool:
        return self.status == "DELETE_SKIPPED"


class EventFeed:
    """Each event once. What was before the feed was made is left out."""

    def __init__(self, cloudformation: CloudFormationClient, stack: str, *, inner_only: bool = False) -> None:
        """`inner_only`: `fresh` leaves out the outermost stack's own events, for where another shows them."""
        self._cloudformation = cloudformation
        self._root = stack
        self._inner_only = inner_only
        self._paths = {stack: ""}
        self._seen: set[str] = set()
        self._all: list[Event] = []
        # By AWS's clock: this machine's may be wrong.
        self._since = next((event["Timestamp"] for event in self._pages(stack)), _NEVER)

    def fresh(self) -> list[Event]:
        """What has come since the last call, oldest first."""
        found: list[tuple[str, Event]] = []
        waiting = list(self._paths)
        for stack in waiting:
            for raw in self._new(stack):
                inner = self._enter(stack, raw)
                if inner:
                    waiting.append(inner)
                found.append((stack, self._event(stack, raw)))
        found.sort(key=lambda pair: pair[1].at)
        self._all += [event for _, event in found]
        return [event for stack, event in found if self._is_shown(stack, event)]

    def failures(self) -> list[Event]:
        """What failed by itself, oldest first: not what was given up for it, nor the stacks around it."""
        self.fresh()
        failed = [event for event in self._all if event.failed and "cancelled" not in event.reason.lower()]
        to_blame = [
            event
            for event in failed
            if not event.of_the_stack
            and not any(
                other.path.startswith(f"{event.path} > ") for other in failed if not other.of_the_stack
            )
        ]
        return to_blame or failed

    def kept(self) -> list[Event]:
        """What outlives its stack."""
        self.fresh()
        return [event for event in self._all if event.kept]

    def _is_shown(self, stack: str, event: Event) -> bool:
        if stack == self._root:
            return not self._inner_only
        return not event.of_the_stack

    def _new(self, stack: str) -> Iterator[StackEventTypeDef]:
        for raw in self._pages(stack):
            if raw["EventId"] in self._seen or raw["Timestamp"] <= self._since:
                # Newest come first.
                return
            self._seen.add(raw["EventId"])
            yield raw

    def _pages(self, stack: str) -> Iterator[StackEventTypeDef]:
        try:
            for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
                yield from page["StackEvents"]
        except ClientError as exc:
            if "does not exist" not in exc.response.get("Error", {}).get("Message", ""):
                raise

    def _enter(self, stack: str, raw: StackEventTypeDef) -> str | None:
        """The id of a stack inside `stack` that is met for the first time."""
        inner = raw.get("PhysicalResourceId", "")
        is_inner = raw.get("ResourceType") == _STACK and inner.startswith("arn:") and inner != raw["StackId"]
        if not is_inner or inner in self._paths:
            return None
        self._paths[inner] = f"{self._paths[stack]}{raw.get('LogicalResourceId', '')} > "
        return inner

    def _event(self, stack: str, raw: StackEventTypeDef) -> Event:
        return Event(
            at=raw["Timestamp"],
            path=self._paths[stack] + raw.get("LogicalResourceId", ""),
            type=raw.get("ResourceType", ""),
            status=raw.get("ResourceStatus", ""),
            reason=raw.get("ResourceStatusReason", ""),
            of_the_stack=raw.get("PhysicalResourceId") == raw["StackId"],
        )
