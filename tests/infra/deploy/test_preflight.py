"""What is in the way is a line that says what to do, and nothing has been changed by then."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.aws_wire import AwsFault
from tests.infra.deploy.account import Account
from tests.infra.deploy.conftest import Run

LOOKING = {
    "sts.GetCallerIdentity",
    "cloudformation.DescribeStacks",
    "docker version",
    "docker buildx",
    "podman info",
}


@pytest.fixture(autouse=True)
def nothing_is_changed(account: Account, checkout: Path) -> Any:
    yield
    assert set(account.aws.said()) <= LOOKING
    assert not (checkout / ".aws-sam").exists()


def refused(run: Run, *words: str) -> str:
    """The one line on standard error."""
    done = run("deploy", *words)
    assert done.code == 1
    [line] = done.err.splitlines()
    assert line.startswith("deploy: ")
    return line.removeprefix("deploy: ")


def test_an_unknown_environment(run: Run) -> None:
    assert refused(run, "--env", "stagin") == (
        "samconfig.toml has no environment stagin; it has: default, staging, arm, typo, mars, nameless"
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ("typo", "samconfig.toml: template.yaml has no parameter WorkerMaxTask"),
        ("mars", "ARCH is arm64 or x86_64, not sparc"),
        ("nameless", "samconfig.toml: add stack_name to [nameless.deploy.parameters]"),
    ],
)
def test_a_wrong_profile(run: Run, environment: str, said: str) -> None:
    assert refused(run, "--env", environment) == said


def test_a_target_for_which_no_bundle_can_be_built(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_VERSION", "3.10")
    assert "the Lambda functions run on Python 3.11, 3.12, 3.13, not 3.10" in refused(run, "--env", "staging")
    # As images of Python have it.
    monkeypatch.setenv("PYTHON_VERSION", f"3.11.{sys.version_info.micro}")
    if sys.version_info[:2] == (3, 11):
        assert "psycopg has no wheel for arm64 and Lambda's Python 3.11" in refused(run, "--env", "arm")


def test_a_parameter_that_nobody_gives(run: Run, checkout: Path) -> None:
    template = checkout / "template.yaml"
    template.write_text(template.read_text().replace("Parameters:", "Parameters:\n  Vpc: {Type: String}"))
    assert refused(run, "--env", "staging") == "samconfig.toml: staging gives no value for Vpc"


def test_broken_files(run: Run, checkout: Path) -> None:
    template = (checkout / "template.yaml").read_text()
    (checkout / "template.yaml").write_text("Parameters: {")
    assert refused(run, "--env", "staging").startswith("template.yaml is not YAML: ")
    (checkout / "template.yaml").write_text(template)
    (checkout / "infra" / "registry.yaml").unlink()
    assert "infra/registry.yaml is not here" in refused(run, "--env", "staging")
    (checkout / "samconfig.toml").write_text("[staging")
    assert refused(run, "--env", "staging").startswith("samconfig.toml: ")


def test_no_docker(run: Run, tools: Path) -> None:
    (tools / "docker").unlink()
    (tools / "podman").unlink()
    assert refused(run, "--env", "staging") == (
        "no container engine (docker: is not installed; podman: is not installed): "
        "install Docker or podman, or start its daemon"
    )


def test_a_docker_without_its_daemon(run: Run, account: Account) -> None:
    account.tool_codes = {"docker version": 1, "podman": 1}
    assert "docker: docker version: cannot" in refused(run, "--env", "staging")
    account.tool_codes = {"docker buildx": 1}
    assert "docker: has no buildx" in refused(run, "--env", "staging", "--engine", "docker")


def test_no_credentials(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert refused(run, "--env", "staging").startswith("no AWS credentials: run `aws configure` or")


def test_credentials_that_have_expired(run: Run, account: Account) -> None:
    def expired(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise AwsFault("ExpiredToken", "The security token is expired", status=403)

    account.aws.operations["sts.GetCallerIdentity"] = expired
    assert "no good (GetCallerIdentity: ExpiredToken: The security token is" in refused(
        run, "--env", "staging"
    )


def test_no_region_and_no_such_profile(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "(nobody) could not be found" in refused(run, "--env", "staging", "--profile", "nobody")
    monkeypatch.delenv("AWS_REGION")
    assert refused(run, "--env", "staging") == "no AWS region: give --region eu-central-1, or set AWS_REGION"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("ROLLBACK_COMPLETE", "run `make destroy ENV=staging`, then deploy again"),
        ("UPDATE_IN_PROGRESS", "somebody else is at it"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback"),
    ],
)
def test_a_stack_that_takes_no_update(run: Run, account: Account, status: str, said: str) -> None:
    account.add_rootnote(status=status)
    assert said in refused(run, "--env", "staging")


def test_every_problem_is_named_at_once(
    run: Run, tools: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.tool_codes = {"docker": 1, "podman": 1}
    (tools / "sam").unlink()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = run("deploy", "--env", "staging")
    assert [line.split()[1:4] for line in done.err.splitlines()] == [
        ["there", "is", "no"],
        ["no", "container", "engine"],
        ["no", "AWS", "credentials:"],
    ]
