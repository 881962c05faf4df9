"""`deploy`, from the checks to the smoke test, and where it stops."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.store import health
from tests.infra.deploy.account import REPOSITORY, TOKEN, Account, FakeStack
from tests.infra.deploy.conftest import Run


def test_the_first_deployment_does_everything_in_order(run: Run, account: Account, checkout: Path) -> None:
    done = run("deploy", "--env", "staging")
    assert done.code == 0, done.all
    said = account.aws.said()
    order = ["sts.GetCallerIdentity", "cloudformation.CreateStack", "docker login", "docker push"]
    order += ["docker logout", "ecr.DescribeImages", "sam build", "sam deploy"]
    assert sorted(order, key=lambda what: len(said) - said[::-1].index(what)) == order
    for step in ("1/6 checks", "2/6 registry", "3/6 image", "4/6 bundles", "5/6 stack", "6/6 smoke test"):
        assert re.search(rf"\[ +\d+ s\] {step}", done.out)
    assert "readyz: 200 ok" in done.out
    assert f"ApiUrl                         {account.aws.url}/live" in done.out
    assert "\x1b[" not in done.all


def test_services_have_their_roles_before_the_first_stack(run: Run, account: Account) -> None:
    """The first ECS cluster of an account fails without: its own role is made by the same call."""
    done = run("deploy", "--env", "staging")
    assert done.code == 0, done.all
    said = account.aws.said()
    assert said.count("iam.CreateServiceLinkedRole") == 4
    assert said.index("iam.CreateServiceLinkedRole") < said.index("sam deploy")
    assert "was not looked after" not in done.all

    account.aws.journal.clear()
    assert run("deploy", "--env", "staging").code == 0
    assert "iam.CreateServiceLinkedRole" not in account.aws.said()


def test_who_may_not_make_roles_is_told(run: Run, account: Account) -> None:
    del account.aws.operations["iam.CreateServiceLinkedRole"]
    done = run("deploy", "--env", "staging")
    assert done.code == 0, done.all
    assert "the role of ecs.amazonaws.com was not looked after" in done.all


def test_the_stack_gets_the_images_digest_and_keeps_the_profile(run: Run, account: Account) -> None:
    run("deploy", "--env", "staging")
    parameters = account.stacks["rootnote-staging"].parameters
    assert parameters.pop("SchemaVersion").startswith(f"{health.HEAD}-")
    assert re.fullmatch(r"[0-9a-f]{16}", parameters.pop("Release"))
    assert re.fullmatch(r"python3\.1[123]", parameters.pop("LambdaRuntime"))
    assert parameters == {
        "ImageUri": f"{REPOSITORY}@{account.images[0]['imageDigest']}",
        "Environment": "staging",
        "WorkerMaxTasks": "3",
        "AlarmEmail": "ada lovelace@example.org",
        "Architecture": "x86_64",
        "MultiAz": "false",
    }
    words = account.aws.given("sam deploy")["argv"]
    assert words[words.index("--config-env") + 1] == "staging"
    assert words[words.index("--capabilities") + 1 :][:2] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert {"--resolve-s3", "--no-fail-on-empty-changeset"} <= set(words)


def test_image_and_bundles_are_for_the_same_architecture(run: Run, account: Account) -> None:
    run("deploy", "--env", "staging")
    [build] = [call.given["argv"] for call in account.aws.journal if "--load" in call.given.get("argv", ())]
    assert build[1:3] == ["buildx", "build"]
    assert build[build.index("--platform") + 1] == "linux/amd64"
    assert "--provenance=false" in build
    told = account.aws.given("sam build")
    assert told["env"]["ARCH"] == "x86_64"
    assert told["env"]["PYTHON_VERSION"] in account.stacks["rootnote-staging"].parameters["LambdaRuntime"]


def test_the_same_content_is_not_pushed_twice(run: Run, account: Account, checkout: Path) -> None:
    run("deploy", "--env", "staging")
    (checkout / "README.md").write_text("not in the image")
    again = run("deploy", "--env", "staging")
    assert "in the registry already" in again.out
    assert account.aws.said().count("docker push") == 1
    (checkout / "core" / "code.py").write_text("changed = True")
    run("deploy", "--env", "staging")
    run("deploy", "--env", "staging", "--rebuild-image")
    assert account.aws.said().count("docker push") == 3
    tags = [image["imageTags"][0].rpartition("-")[0] for image in account.images]
    assert tags[0] != tags[1] == tags[2]


def test_the_registrys_token_goes_through_standard_input_alone(
    run: Run, account: Account, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-operator")
    done = run("deploy", "--env", "staging")
    assert account.aws.given("docker login")["stdin"] == TOKEN
    told = [call.given for call in account.aws.journal if "argv" in call.given]
    assert {"docker", "sam"} <= {call["argv"][0].rpartition("/")[2] for call in told}
    for secret in (TOKEN, "sk-of-the-operator"):
        assert secret not in json.dumps([[call["argv"], call["env"]] for call in told])
        assert secret not in done.all
        assert secret not in (checkout / ".aws-sam" / "parameters-staging.yaml").read_text()


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ("docker login", "docker could not log in to"),
        ("docker push", "the image was not pushed (docker ended with 1)"),
        ("sam build", "the bundles were not built"),
    ],
)
def test_what_fails_before_it_leaves_the_stack_alone(
    run: Run, account: Account, failing: str, said: str
) -> None:
    account.tool_codes[failing] = 1
    done = run("deploy", "--env", "staging")
    assert done.code == 1
    assert said in done.err
    assert "sam deploy" not in account.aws.said()
    assert "rootnote-staging" not in account.stacks
    if failing == "docker push":
        assert account.aws.said().count("docker logout") == 1


def test_a_failed_image_for_another_processor_says_what_may_be_missing(run: Run, account: Account) -> None:
    account.native = "arm64"
    account.tool_codes["docker buildx build"] = 125
    done = run("deploy", "--env", "staging")
    assert "emulated, so slow; it needs QEMU" in done.out
    assert "the image was not built (docker ended with 125): `exec format error` above means" in done.err
    assert "set Architecture=arm64 in samconfig.toml" in done.err


def test_failures_are_named_wherever_in_the_stack_they_are(run: Run, account: Account) -> None:
    root = account.add_rootnote(status="UPDATE_ROLLBACK_COMPLETE")
    inner = account.add_stack(FakeStack(name="rootnote-staging-Data-X1", status="UPDATE_ROLLBACK_COMPLETE"))
    account.add_event(inner, "Old", "AWS::RDS::DBInstance", "CREATE_FAILED", ResourceStatusReason="last year")
    stack = "AWS::CloudFormation::Stack"
    because = {"ResourceStatusReason": "no db.t4g.micro left"}
    cancelled = {"ResourceStatusReason": "Resource update cancelled"}
    around = {"PhysicalResourceId": inner.id, "ResourceStatusReason": "Embedded stack was not updated"}
    account.sam_fails = [
        (root.name, {"name": "Data", "kind": stack, "status": "UPDATE_IN_PROGRESS", **around}),
        (
            inner.name,
            {"name": "Database", "kind": "AWS::RDS::DBInstance", "status": "UPDATE_FAILED", **because},
        ),
        (inner.name, {"name": "Cache", "kind": "AWS::Cache", "status": "UPDATE_FAILED", **cancelled}),
        (root.name, {"name": "Data", "kind": stack, "status": "UPDATE_FAILED", **around}),
    ]
    account.add_event(root, "rootnote-staging", stack, "UPDATE_COMPLETE")
    done = run("deploy", "--env", "staging")
    assert done.code == 1
    assert done.err.splitlines()[-2:] == [
        "deploy: Data > Database (AWS::RDS::DBInstance) UPDATE_FAILED: no db.t4g.micro left",
        "deploy: the deployment failed; the stack rootnote-staging is back at the version before it",
    ]


def test_a_changeset_that_was_not_confirmed_is_no_deployment(run: Run, account: Account) -> None:
    account.add_rootnote(parameters={"SchemaVersion": "0001-older"})
    account.sam_deploys = False
    done = run("deploy", "--env", "staging")
    assert (done.code, "not confirmed" in done.err) == (1, True)


def test_questions_are_sams_unless_told_otherwise(run: Run, account: Account) -> None:
    run("deploy", "--env", "staging")
    assert "--no-confirm-changeset" not in account.aws.given("sam deploy")["argv"]
    run("deploy", "--env", "staging", "--yes")
    assert "--no-confirm-changeset" in account.aws.given("sam deploy")["argv"]


def test_what_is_red_is_named(run: Run, account: Account) -> None:
    checks = {"postgres": {"ok": True}, "worker": {"ok": False, "seconds_ago": None}}
    account.aws.pages["/live/readyz"] = (503, {"status": "unready", "checks": checks})
    done = run("deploy", "--env", "staging", "--patience", "10")
    assert done.code == 0
    assert "worker is not well (seconds_ago=None)" in done.out
    checks["migrations"] = {"ok": False, "at": "0001", "head": "0004"}
    done = run("deploy", "--env", "staging", "--patience", "10")
    assert done.code == 1
    assert "deployed, but not ready: migrations" in done.err
    account.aws.pages["/live/healthz"] = (502, {"message": "Internal server error"})
    done = run("deploy", "--env", "staging", "--patience", "10")
    assert "/live/healthz: 502 Internal server error; look at `make logs ENV=staging`" in done.err
