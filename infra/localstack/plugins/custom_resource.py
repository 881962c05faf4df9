"""Custom resources with a Lambda function behind them, which LocalStack's free edition only says it made.

The function is told in CloudFormation's own words and answers at a URL, as on AWS. Other than there it is
called synchronously: one that fails without an answer fails the resource at once and not in an hour.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from localstack import config
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

from infra.localstack.clients import Clients

BUCKET = "custom-resource-answers"
ID = "PhysicalId"
"""Where the resource's id is kept among its attributes."""


class CustomResourcePlugin(CloudFormationResourceProviderPlugin):
    name = "AWS::CloudFormation::CustomResource"

    def load(self, *_: object, **__: object) -> None:
        self.factory = CustomResource


class CustomResource(ResourceProvider):
    TYPE = "AWS::CloudFormation::CustomResource"
    SCHEMA = {"primaryIdentifier": [f"/properties/{ID}"]}  # noqa: RUF012 - the base class's attribute

    def create(self, request: ResourceRequest) -> ProgressEvent:
        return _ask("Create", request, {})

    def update(self, request: ResourceRequest) -> ProgressEvent:
        previous = request.previous_state or {}
        return _ask(
            "Update",
            request,
            {"PhysicalResourceId": previous.get(ID), "OldResourceProperties": _texts(previous)},
        )

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        return _ask("Delete", request, {"PhysicalResourceId": (request.previous_state or {}).get(ID)})


def _ask(kind: str, request: ResourceRequest, more: dict[str, Any]) -> ProgressEvent:
    properties = dict(request.desired_state or {})
    function = properties["ServiceToken"]
    # The address must be one that the function can use, too.
    clients = Clients(f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}", region=request.region_name)
    s3 = clients.s3
    s3.create_bucket(Bucket=BUCKET)
    key = str(uuid.uuid4())
    event = {
        "RequestType": kind,
        "RequestId": key,
        "ResponseURL": s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key}),
        "StackId": request.stack_id,
        "LogicalResourceId": request.logical_resource_id,
        "ResourceType": request.resource_type,
        "ServiceToken": function,
        "ResourceProperties": _texts(properties),
        **more,
    }
    result = clients.functions.invoke(FunctionName=function, Payload=json.dumps(event))
    try:
        answer = json.load(s3.get_object(Bucket=BUCKET, Key=key)["Body"])
    except s3.exceptions.NoSuchKey:
        said = result["Payload"].read().decode(errors="replace")
        return _failed(properties, f"{function} gave no answer to {kind}; it returned {said}")
    if answer["Status"] != "SUCCESS":
        return _failed(properties, answer.get("Reason") or "no reason given")
    model = properties | (answer.get("Data") or {}) | {ID: answer["PhysicalResourceId"]}
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)


def _failed(model: dict[str, Any], reason: str) -> ProgressEvent:
    return ProgressEvent(status=OperationStatus.FAILED, resource_model=model, message=reason)


def _texts(value: Any) -> Any:
    """CloudFormation gives a function every number and truth value as text."""
    if isinstance(value, dict):
        return {name: _texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)
