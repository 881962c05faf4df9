"""Templates into LocalStack through CloudFormation, as `sam deploy` brings them into AWS: by change sets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from infra.local.errors import LocalError
from infra.localstack.clients import Clients
from infra.localstack.packaging import https, package

BUCKET = "deployment"
NOT_MADE = "unknown"
"""LocalStack's physical id of a resource of a kind that it lacks and only says it made."""
POLL_SECONDS = 0.2
SAY_SECONDS = 5.0
NESTED = "AWS::CloudFormation::Stack"

Say = Callable[[str], None]


class DeploymentFailed(LocalError):
    """Carries the reason of each resource that failed, nested stacks' included."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    stack: str
    name: str
    kind: str
    id: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Deployed:
    name: str
    outputs: Mapping[str, str]
    resources: tuple[Resource, ...]
    """Nested stacks' too."""

    @property
    def faked(self) -> tuple[Resource, ...]:
        """What the stack claims and LocalStack cannot run: nothing about these was tried."""
        return tuple(resource for resource in self.resources if resource.id == NOT_MADE)

    def physical_id(self, name: str) -> str:
        """Of the resource with this logical name, in whichever of the stacks."""
        found = [resource.id for resource in self.resources if resource.name == name]
        if len(found) != 1:
            raise LocalError(f"{self.name} has {len(found)} resources of the name {name}")
        return found[0]


class Deployer:
    def __init__(self, clients: Clients, say: Say = lambda _: None) -> None:
        self._clients = clients
        self._say = say

    def deploy(
        self,
        name: str,
        template: Path,
        parameters: Mapping[str, str] | None = None,
        *,
        code: Mapping[str, Path] | None = None,
        nested: Mapping[str, Path] | None = None,
        seconds: float = 300,
    ) -> Deployed:
        """Create or update the stack. `code` and `nested`: see `packaging.package`.

        DeploymentFailed with the reasons.
        """
        body = json.dumps(package(template, self._upload, code=code or {}, nested=nested or {}))
        url = https(self._upload(f"{name}.template", body.encode(), again=True))
        state = self._state(name)
        if state == "ROLLBACK_COMPLETE":
            raise DeploymentFailed(
                f"{name} failed before, and LocalStack's rollback leaves what was made: start it again"
            )
        updating = state is not None
        self._say(f"{name}: {'updating' if updating else 'creating'}")
        change_set = self._clients.cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="UPDATE" if updating else "CREATE",
            TemplateURL=url,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )["Id"]
        deadline = time.monotonic() + seconds
        if self._change_set_is_ready(change_set, deadline):
            self._clients.cloudformation.execute_change_set(ChangeSetName=change_set)
            self._wait(name, deadline)
        return self.deployed(name)

    def delete(self, name: str, *, seconds: float = 120) -> None:
        self._say(f"{name}: deleting")
        self._clients.cloudformation.delete_stack(StackName=name)
        self._wait(name, time.monotonic() + seconds)

    def deployed(self, name: str) -> Deployed:
        stack = self._clients.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
        return Deployed(name=name, outputs=outputs, resources=tuple(self._resources(name)))

    def _change_set_is_ready(self, change_set: str, deadline: float) -> bool:
        """False when there is nothing to change."""
        while True:
            answer = self._clients.cloudformation.describe_change_set(ChangeSetName=change_set)
            state, reason = answer["Status"], answer.get("StatusReason", "")
            if state == "CREATE_COMPLETE":
                return True
            if state == "FAILED":
                if "didn't contain changes" in reason or "No updates" in reason:
                    return False
                raise DeploymentFailed(f"{answer['StackName']}: the change set failed: {reason}")
            _until(deadline, f"{answer['StackName']}: the change set is still {state}")

    def _wait(self, name: str, deadline: float) -> None:
        said = time.monotonic()
        while True:
            state = self._state(name)
            if state is None or state.endswith("DELETE_COMPLETE"):
                return
            if not state.endswith("_IN_PROGRESS"):
                # A stack may be called complete with a failure in it.
                reasons = list(self._reasons(name))
                if reasons or state not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
                    raise DeploymentFailed("\n".join((f"{name}: {state}", *reasons)))
                return
            if time.monotonic() - said > SAY_SECONDS:
                said = time.monotonic()
                done = [resource.state.endswith("_COMPLETE") for resource in self._resources(name)]
                self._say(f"{name}: {state}, {sum(done)} of {len(done)} resources")
            _until(deadline, f"{name}: still {state}")

    def _state(self, name: str) -> str | None:
        try:
            state = self._clients.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        # A change set that was never executed leaves this.
        return None if state == "REVIEW_IN_PROGRESS" else state

    def _resources(self, stack: str) -> Iterator[Resource]:
        answer = self._clients.cloudformation.describe_stack_resources(StackName=stack)
        for found in answer["StackResources"]:
            resource = Resource(
                stack=stack,
                name=found["LogicalResourceId"],
                kind=found["ResourceType"],
                id=found.get("PhysicalResourceId", ""),
                state=found["ResourceStatus"],
                reason=found.get("ResourceStatusReason", ""),
            )
            yield resource
            if resource.kind == NESTED and resource.id:
                with suppress(ClientError):
                    yield from self._resources(resource.id)

    def _reasons(self, stack: str) -> Iterator[str]:
        for resource in self._resources(stack):
            # What was not begun because of another is failed as well, without a reason.
            if resource.state.endswith("_FAILED") and resource.reason:
                yield f"  {resource.name} ({resource.kind}): {resource.reason}"

    def _upload(self, key: str, content: bytes | Callable[[], bytes], *, again: bool = False) -> str:
        s3 = self._clients.s3
        try:
            s3.head_object(Bucket=BUCKET, Key=key)
        except ClientError:
            s3.create_bucket(Bucket=BUCKET)
            again = True
        if again:
            s3.put_object(Bucket=BUCKET, Key=key, Body=content() if callable(content) else content)
        return f"s3://{BUCKET}/{key}"


def _until(deadline: float, late: str) -> None:
    if time.monotonic() > deadline:
        raise DeploymentFailed(late)
    time.sleep(POLL_SECONDS)
