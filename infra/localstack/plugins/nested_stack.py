"""Nested stacks that are updated, and say why they failed: LocalStack's do neither.

Without a reason a failed nested stack even left its parent CREATE_COMPLETE.
"""

from __future__ import annotations

import time
from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.cloudformation.resource_providers.aws_cloudformation_stack import (
    CloudFormationStackProvider,
)

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
SECONDS = 300.0


def repair_nested_stacks() -> None:
    plain_create = CloudFormationStackProvider.create

    def create(self: Any, request: Any) -> ProgressEvent:
        event = plain_create(self, request)
        if event.status is OperationStatus.FAILED:
            event.message = _reasons(request.aws_client_factory.cloudformation, event.resource_model["Id"])
        return event

    CloudFormationStackProvider.create = create
    CloudFormationStackProvider.update = _update


def _update(self: Any, request: Any) -> ProgressEvent:
    client = request.aws_client_factory.cloudformation
    stack = request.previous_state["Id"]
    model = request.desired_state | {"Id": stack, "StackName": request.previous_state["StackName"]}
    parameters = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in model.get("Parameters", {}).items()
    }
    client.update_stack(
        StackName=stack,
        TemplateURL=model["TemplateURL"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=CAPABILITIES,
    )
    found = _wait(client, stack)
    if found["StackStatus"] not in DONE:
        return ProgressEvent(
            status=OperationStatus.FAILED, resource_model=model, message=_reasons(client, stack)
        )
    model["Outputs"] = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)


def _wait(client: Any, stack: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while True:
        found = client.describe_stacks(StackName=stack)["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS") or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def _reasons(client: Any, stack: str) -> str:
    resources = client.describe_stack_resources(StackName=stack)["StackResources"]
    reasons = [
        f"{resource['LogicalResourceId']} ({resource['ResourceType']}): {resource['ResourceStatusReason']}"
        for resource in resources
        if resource["ResourceStatus"].endswith("_FAILED") and resource.get("ResourceStatusReason")
    ]
    return "; ".join(reasons) or f"{stack} failed and gave no reason"
