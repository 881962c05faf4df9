"""An AWS account with as much in it as `infra.deploy` asks about, and the programs that change it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fakes.aws_server import AwsServer
from tests.fakes.aws_wire import AwsFault

NUMBER = "123456789012"
REGION = "eu-central-1"
REPOSITORY = f"{NUMBER}.dkr.ecr.{REGION}.amazonaws.com/rootnote"
TOKEN = "ecr-token-that-nobody-may-see"
SECRET = f"arn:aws:secretsmanager:{REGION}:{NUMBER}:secret:model-keys"
CLUSTER, WORKER, BEAT = "rootnote-staging", "worker", "beat"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

Json = Mapping[str, Any]


@dataclass(kw_only=True)
class FakeStack:
    """`coming` are the states that it is yet to take, one at each look; `deleting` those after a deletion."""

    name: str
    status: str
    coming: list[str] = field(default_factory=list)
    deleting: list[str] = field(default_factory=lambda: ["DELETE_COMPLETE"])
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    protected: bool = False

    @property
    def id(self) -> str:
        return f"arn:aws:cloudformation:{REGION}:{NUMBER}:stack/{self.name}/1"


class Account:
    """Public fields are for tests to look at and to change; `sam_fails` has events of a failure."""

    def __init__(self, aws: AwsServer) -> None:
        self.aws = aws
        self.stacks: dict[str, FakeStack] = {}
        self.gone: dict[str, FakeStack] = {}
        self.events: dict[str, list[Json]] = {}
        self.resources: dict[str, list[Json]] = {}
        self.images: list[dict[str, Any]] = []
        self.secret = {"OPENAI_API_KEY": "sk-old", "GEMINI_API_KEY": ""}
        self.tool_codes: dict[str, int] = {}
        self.native = "amd64"
        self.sam_fails: list[tuple[str, Json]] = []
        self.sam_deploys = True
        self.clock = START
        self.update_says_nothing_to_do = True
        aws.tool = self._tool
        aws.operations |= {
            "sts.GetCallerIdentity": lambda _: {"Account": NUMBER, "Arn": "arn:aws:iam::1:user/ada"},
            "cloudformation.DescribeStacks": self._describe_stacks,
            "cloudformation.CreateStack": self._create_stack,
            "cloudformation.UpdateStack": self._update_stack,
            "cloudformation.DeleteStack": self._delete_stack,
            "cloudformation.DescribeStackEvents": self._describe_events,
            "cloudformation.ListStackResources": self._list_resources,
            "iam.CreateServiceLinkedRole": self._role_is_there,
            "ecr.DescribeRepositories": lambda _: {"repositories": [{"repositoryUri": REPOSITORY}]},
            "ecr.GetAuthorizationToken": lambda _: {
                "authorizationData": [
                    {"authorizationToken": base64.b64encode(f"AWS:{TOKEN}".encode()).decode()}
                ]
            },
            "ecr.DescribeImages": lambda _: {"imageDetails": self.images},
            "secretsmanager.GetSecretValue": lambda _: {"SecretString": json.dumps(self.secret)},
            "secretsmanager.PutSecretValue": self._put_secret,
        }

    def add_stack(self, stack: FakeStack) -> FakeStack:
        self.stacks[stack.name] = stack
        return stack

    def add_registry(self) -> None:
        stack = self.add_stack(FakeStack(name="rootnote-registry", status="CREATE_COMPLETE"))
        self.add_resource(stack, "Repository", "AWS::ECR::Repository", "rootnote")

    def add_rootnote(self, **changes: Any) -> FakeStack:
        """A deployed one."""
        known = {"name": "rootnote-staging", "status": "UPDATE_COMPLETE", "outputs": self.outputs()}
        return self.add_stack(FakeStack(**(known | changes)))

    def outputs(self) -> dict[str, str]:
        return {
            "ApiUrl": f"{self.aws.url}/live",
            "ClusterName": CLUSTER,
            "WorkerServiceName": WORKER,
            "BeatServiceName": BEAT,
            "ModelKeysSecretArn": SECRET,
            "LogGroupPrefix": "/rootnote/staging/",
        }

    def add_resource(self, stack: FakeStack, name: str, kind: str, physical: str) -> None:
        self.resources.setdefault(stack.id, []).append(
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "ResourceStatus": "CREATE_COMPLETE",
                "LastUpdatedTimestamp": START,
            }
        )

    def add_event(self, stack: FakeStack, name: str, kind: str, status: str, **more: str) -> None:
        self.clock += timedelta(seconds=1)
        events = self.events.setdefault(stack.id, [])
        events.insert(
            0,
            {
                "StackId": stack.id,
                "StackName": stack.name,
                "EventId": f"{stack.name}-{len(events)}",
                "LogicalResourceId": name,
                "ResourceType": kind,
                "ResourceStatus": status,
                "Timestamp": self.clock,
                **more,
            },
        )

    def _stack(self, given: Json) -> FakeStack:
        wanted: str = given["StackName"]
        gone = list(self.gone.values()) if wanted.startswith("arn:") else []
        for stack in (*self.stacks.values(), *gone):
            if wanted in {stack.name, stack.id}:
                return stack
        raise AwsFault("ValidationError", f"Stack with id {wanted} does not exist")

    @staticmethod
    def _role_is_there(asked: Json) -> Json:
        name = asked["AWSServiceName"]
        raise AwsFault("InvalidInput", f"Service role name for {name} has been taken in this account")

    def _describe_stacks(self, given: Json) -> Json:
        stack = self._stack(given)
        shown = {
            "StackId": stack.id,
            "StackName": stack.name,
            "StackStatus": stack.status,
            "CreationTime": START,
            "EnableTerminationProtection": stack.protected,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()
            ],
            "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in stack.outputs.items()],
        }
        if stack.coming:
            stack.status = stack.coming.pop(0)
        return {"Stacks": [shown]}

    def _create_stack(self, given: Json) -> Json:
        self.add_registry()
        stack = self.stacks[given["StackName"]]
        stack.status, stack.coming = "CREATE_IN_PROGRESS", ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
        self.add_event(stack, "Repository", "AWS::ECR::Repository", "CREATE_COMPLETE")
        return {"StackId": stack.id}

    def _update_stack(self, given: Json) -> Json:
        stack = self._stack(given)
        if self.update_says_nothing_to_do:
            raise AwsFault("ValidationError", "No updates are to be performed.")
        stack.status, stack.coming = "UPDATE_IN_PROGRESS", ["UPDATE_COMPLETE"]
        return {"StackId": stack.id}

    def _delete_stack(self, given: Json) -> Json:
        stack = self._stack(given)
        del self.stacks[stack.name]
        self.gone[stack.name] = stack
        stack.status = "DELETE_IN_PROGRESS"
        stack.coming = list(stack.deleting)
        return {}

    def _describe_events(self, given: Json) -> Json:
        stack = self._stack(given)
        return {"StackEvents": self.events.get(stack.id, [])}

    def _list_resources(self, given: Json) -> Json:
        return {"StackResourceSummaries": self.resources.get(self._stack(given).id, [])}

    def _put_secret(self, given: Json) -> Json:
        self.secret = json.loads(given["SecretString"])
        return {}

    def _tool(self, told: Json) -> Json:
        """docker, podman and sam, as far as they are of use here."""
        words = [told["argv"][0].rpartition("/")[2], *told["argv"][1:]]
        what = " ".join(words[:2])
        for names in (words[:1], words[:2], words[:3]):
            if code := self.tool_codes.get(" ".join(names)):
                return {"code": code, "err": f"{what}: cannot"}
        if what in {"docker version", "podman info"}:
            return {"out": self.native}
        if words[1] == "push":
            self.push(words[2].rpartition(":")[2])
        if what == "sam deploy":
            return self._sam_deploy(words, Path(told["cwd"]))
        return {}

    def push(self, tag: str, digest: str = "") -> None:
        self.clock += timedelta(seconds=1)
        digest = digest or f"sha256:{len(self.images):064}"
        self.images.append({"imageDigest": digest, "imageTags": [tag], "imagePushedAt": self.clock})

    def _sam_deploy(self, words: list[str], checkout: Path) -> Json:
        name = words[words.index("--stack-name") + 1]
        for stack_name, event in self.sam_fails:
            more = {key: str(value) for key, value in event.items() if key not in {"name", "kind", "status"}}
            self.add_event(self.stacks[stack_name], event["name"], event["kind"], event["status"], **more)
        if self.sam_fails:
            return {"code": 1}
        if self.sam_deploys:
            stack = self.stacks.get(name) or self.add_rootnote(name=name, status="CREATE_COMPLETE")
            file = words[words.index("--parameter-overrides") + 1].removeprefix("file://")
            stack.parameters = json.loads((checkout / file).read_text())
        return {}
