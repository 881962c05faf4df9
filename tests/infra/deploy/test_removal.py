"""`destroy`: it asks, it says what stands in the way, and what remains."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.deploy.account import Account, FakeStack
from tests.infra.deploy.conftest import Run


@pytest.fixture
def stack(account: Account) -> FakeStack:
    """With a stack in it that has the database."""
    account.add_registry()
    root = account.add_rootnote(parameters={"DeletionProtection": "false"})
    inner = account.add_stack(FakeStack(name="rootnote-staging-Data-X1", status="CREATE_COMPLETE"))
    account.add_resource(root, "Data", "AWS::CloudFormation::Stack", inner.id)
    account.add_resource(inner, "Database", "AWS::RDS::DBInstance", "rootnote-db")
    return root


@pytest.mark.parametrize("typed", ["staging\n", "  staging \n"])
def test_it_goes_once_its_name_was_typed(
    run: Run, account: Account, stack: FakeStack, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    stack.deleting = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    done = run("destroy", "--env", "staging")
    assert done.code == 0, done.err
    assert "This deletes rootnote-staging in AWS account 123456789012, eu-central-1, with its" in done.out
    assert "rootnote-staging is gone" in done.out
    assert "aws rds describe-db-snapshots --db-instance-identifier rootnote-db" in done.out
    assert "aws ecr delete-repository --force --repository-name rootnote" in done.out
    assert account.aws.given("cloudformation.DeleteStack")["StackName"] == stack.id


@pytest.mark.parametrize("typed", ["production\n", "\n", "", "y\n"])
def test_any_other_answer_changes_nothing(
    run: Run, account: Account, stack: FakeStack, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    done = run("destroy", "--env", "staging")
    assert done.code != 0
    assert "cloudformation.DeleteStack" not in account.aws.said()


def test_protection_is_named_and_left_on(run: Run, account: Account, stack: FakeStack) -> None:
    stack.parameters["DeletionProtection"] = "true"
    done = run("destroy", "--env", "staging", "--yes")
    assert "DeletionProtection protects the database" in done.err
    stack.protected = True
    done = run("destroy", "--env", "staging", "--yes")
    assert "aws cloudformation update-termination-protection --no-enable-termination-protection" in done.err
    stack.protected, stack.status = False, "UPDATE_IN_PROGRESS"
    assert "wait until that has ended" in run("destroy", "--env", "staging", "--yes").err
    assert "cloudformation.DeleteStack" not in account.aws.said()


def test_what_could_not_be_deleted_is_named(run: Run, account: Account, stack: FakeStack) -> None:
    stack.deleting = ["DELETE_FAILED"]
    begin = account.aws.operations["cloudformation.DeleteStack"]

    def delete(given: Mapping[str, Any]) -> Mapping[str, Any]:
        because = {"ResourceStatusReason": "network interface eni-1 is in use"}
        account.add_event(stack, "Group", "AWS::EC2::SecurityGroup", "DELETE_FAILED", **because)
        account.add_event(stack, "Kept", "AWS::Logs::LogGroup", "DELETE_SKIPPED")
        return begin(given)

    account.aws.operations["cloudformation.DeleteStack"] = delete
    done = run("destroy", "--env", "staging", "--yes")
    assert done.code == 1
    assert "deploy: Group (AWS::EC2::SecurityGroup): network interface eni-1 is in use" in done.err
    assert "is DELETE_FAILED: mend what is named above and run this again" in done.err
    assert "Group DELETE_FAILED: network interface" in done.out


def test_nothing_there_is_no_failure(run: Run, account: Account) -> None:
    done = run("destroy", "--env", "staging", "--yes")
    assert (done.code, "there is no stack rootnote-staging" in done.out) == (0, True)
