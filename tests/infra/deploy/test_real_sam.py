"""The pinned `sam` itself, against the account on loopback: our command line and file are what it takes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.fakes.aws_server import AwsServer
from tests.infra.deploy.account import REPOSITORY, Account, FakeStack
from tests.infra.deploy.conftest import Run

SAM = ROOT / ".venv-sam" / "bin" / "sam"
TOPIC = "Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref AlarmEmail}}\n"
Json = Mapping[str, Any]

pytestmark = pytest.mark.skipif(not SAM.exists(), reason="sam is not installed: `make .venv-sam/.ready` does")


class Changesets:
    """What `sam deploy` asks CloudFormation for; the changeset is carried out at once."""

    def __init__(self, account: Account) -> None:
        self.account = account
        account.add_stack(
            FakeStack(
                name="aws-sam-cli-managed-default",
                status="CREATE_COMPLETE",
                tags={"ManagedStackSource": "AwsSamCli"},
                outputs={"SourceBucket": "managed-bucket", "SourceBucketName": "managed-bucket"},
            )
        )
        account.aws.operations |= {
            "cloudformation.CreateChangeSet": self._create,
            "cloudformation.DescribeChangeSet": lambda _: {"Status": "CREATE_COMPLETE", "Changes": []},
            "cloudformation.ExecuteChangeSet": self._execute,
            "cloudformation.GetTemplateSummary": lambda _: {"Parameters": []},
        }

    def _create(self, given: Json) -> Json:
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in given["Parameters"]}
        stack = self.account.add_rootnote(status="REVIEW_IN_PROGRESS", parameters=parameters)
        self._say(stack)
        return {"Id": "arn:changeset", "StackId": stack.id}

    def _execute(self, _: Json) -> Json:
        stack = self.account.stacks["rootnote-staging"]
        stack.status = "CREATE_COMPLETE"
        self._say(stack)
        return {}

    def _say(self, stack: FakeStack) -> None:
        kind, physical = "AWS::CloudFormation::Stack", stack.id
        self.account.add_event(stack, stack.name, kind, stack.status, PhysicalResourceId=physical)


@pytest.fixture
def aws(account: Account, tools: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> AwsServer:
    """With sam in place of its stand-in, and a template that it has nothing to build of."""
    Changesets(account)
    # Once a week sam asks the world for a newer one.
    (checkout.parent / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}))
    monkeypatch.setenv("__SAM_CLI_APP_DIR", str(checkout.parent))
    (tools / "sam").unlink()
    (tools / "sam").symlink_to(SAM)
    template = checkout / "template.yaml"
    template.write_text(template.read_text() + TOPIC)
    return account.aws


def test_sam_takes_every_parameter_as_it_was_meant(
    run: Run, aws: AwsServer, account: Account, checkout: Path
) -> None:
    done = run("deploy", "--env", "staging")
    assert done.code == 0, done.all
    created = aws.given("cloudformation.CreateChangeSet")
    given = {each["ParameterKey"]: each["ParameterValue"] for each in created["Parameters"]}
    assert given == json.loads((checkout / ".aws-sam" / "parameters-staging.yaml").read_text())
    assert given["AlarmEmail"] == "ada lovelace@example.org"
    assert given["ImageUri"].startswith(f"{REPOSITORY}@sha256:")
    assert (given["WorkerMaxTasks"], given["MultiAz"]) == ("3", "false")
    assert created["StackName"] == "rootnote-staging"
    assert sorted(created["Capabilities"]) == ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM"]
    assert any("managed-bucket" in call.given["path"] for call in aws.journal if call.what == "s3.PutObject")
