"""Functions for the tests of the machinery. Deployed as they are, without a bundle."""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import boto3

Event = dict[str, Any]

_calls = 0


def http(event: Event, context: Any) -> Event:
    """Says what it was asked, or gives it back when it was bytes."""
    if event["path"].endswith("/echo"):
        return {
            "statusCode": 200,
            "headers": {"content-type": "application/octet-stream"},
            "body": event["body"],
            "isBase64Encoded": event["isBase64Encoded"],
        }
    asked = {name: event[name] for name in ("httpMethod", "path", "resource", "pathParameters")}
    headers = {"content-type": "application/json"}
    return {"statusCode": 201, "headers": headers, "body": json.dumps(asked)}


def tool(event: Event, context: Any) -> Any:
    """Does what the event's one name says."""
    global _calls  # noqa: PLW0603 - what a warm start keeps
    _calls += 1
    print(f"asked to {json.dumps(event)}")
    ((name, value),) = event.items()
    return _TOOLS[name](value, context)


def _sleep(seconds: float, context: Any) -> int:
    left: int = context.get_remaining_time_in_millis()
    time.sleep(seconds)
    return left


def _exit(code: int, context: Any) -> None:
    os._exit(code)


def _fail(message: str, context: Any) -> None:
    raise ValueError(message)


def _secret(secret_id: str, context: Any) -> str:
    client: Any = boto3.client("secretsmanager")
    answer: str = client.get_secret_value(SecretId=secret_id)["SecretString"]
    return answer


def _import(name: str, context: Any) -> str:
    return str(importlib.import_module(name).__file__)


def _about(_: object, context: Any) -> Event:
    return {
        "pid": os.getpid(),
        "calls": _calls,
        "path": sys.path,
        "environment": dict(os.environ),
        "arn": context.invoked_function_arn,
    }


def _emf(value: float, context: Any) -> None:
    directive = {
        "Namespace": "Machinery",
        "Dimensions": [["Deployment"]],
        "Metrics": [{"Name": "Backlog", "Unit": "Count"}],
    }
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": about, "Deployment": "local", "Backlog": value}))


_TOOLS: Mapping[str, Callable[[Any, Any], Any]] = {
    "sleep": _sleep,
    "exit": _exit,
    "fail": _fail,
    "secret": _secret,
    "import": _import,
    "about": _about,
    "emf": _emf,
}


def batch(event: Event, context: Any) -> Event:
    """Fails for each message that begins with `bad`."""
    bad = []
    for record in event["Records"]:
        print(f"message {record['body']} for the {record['attributes']['ApproximateReceiveCount']}. time")
        if record["body"].startswith("bad"):
            bad.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": bad}


def listener(event: Event, context: Any) -> None:
    """Reads a subscription's lines; fails for what is none."""
    print(f"heard {base64.b64decode(event['awslogs']['data'])[:2].hex()}")


def custom(event: Event, context: Any) -> None:
    """A custom resource that is refused when its property Refuse is `true`."""
    properties = event["ResourceProperties"]
    print(f"{event['RequestType']} {json.dumps(properties)}")
    refused = properties.get("Refuse") == "true" and event["RequestType"] != "Delete"
    answer = {
        "Status": "FAILED" if refused else "SUCCESS",
        "Reason": "refused as asked",
        "PhysicalResourceId": "the-resource",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Revision": f"{event['RequestType']}-{properties['Version']}"},
    }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"content-type": ""}
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - CloudFormation's
