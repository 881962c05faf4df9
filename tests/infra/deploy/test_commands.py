"""The command line itself: help, status, colours, a reader that goes away."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.deploy.aws import Aws
from infra.deploy.console import Console
from infra.deploy.events import EventFeed
from infra.deploy.stacks import show_events
from tests.conftest import ROOT
from tests.infra.deploy.account import REGION, Account, FakeStack
from tests.infra.deploy.conftest import Run

COMMANDS = ("build", "deploy", "status", "logs", "destroy", "create-key", "set-model-keys")


def test_help_everywhere(run: Run) -> None:
    for words in ((), *((command,) for command in COMMANDS)):
        done = run(*words, "--help")
        assert done.code == 0
        assert done.out.startswith("Usage: python -m infra.deploy")


def test_typed_wrong(run: Run) -> None:
    assert run("deploi").code == 2
    done = run("deploy")
    assert (done.code, "Missing option '--env'" in done.err) == (2, True)


def test_as_a_module_from_the_checkout(account: Account) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.deploy", "status", "--env", "nowhere"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("deploy: samconfig.toml")


def test_every_make_target_calls_a_command(checkout: Path) -> None:
    targets = (ROOT / "infra" / "deploy" / "targets.mk").read_text()
    for command in ("build", "deploy", "status", "logs", "destroy"):
        assert f"$(DEPLOY) {command} " in targets


def test_build_needs_no_account(run: Run, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    done = run("build")
    assert done.code == 0, done.err
    assert account.aws.said() == ["sam build"]
    words = account.aws.given("sam build")["argv"]
    assert words[words.index("--config-env") + 1] == "default"


def test_status(run: Run, account: Account) -> None:
    assert "there is no stack rootnote-staging" in run("status", "--env", "staging").err
    account.add_rootnote(parameters={"SchemaVersion": "0002-abc"})
    account.aws.operations["ecs.DescribeServices"] = lambda given: {
        "services": [{"serviceName": given["services"][0], "runningCount": 1, "desiredCount": 2}]
    }
    done = run("status", "--env", "staging")
    assert done.code == 0, done.err
    for line in (
        "UPDATE_COMPLETE",
        "SchemaVersion = 0002-abc",
        "worker: 1 of 2 tasks run",
        "every part is well",
    ):
        assert line in done.out


def test_what_aws_refuses_is_one_line(run: Run, account: Account) -> None:
    account.add_rootnote()
    assert run("status", "--env", "staging").err == (
        "deploy: AWS: DescribeServices: InvalidAction: the fake has no ecs.DescribeServices\n"
    )


def test_events_inside_are_shown_while_sam_shows_those_outside(account: Account) -> None:
    root = account.add_rootnote()
    inner = account.add_stack(FakeStack(name="rootnote-staging-Api-X1", status="UPDATE_IN_PROGRESS"))
    feed = EventFeed(Aws(region=REGION, profile=None).cloudformation, root.name, inner_only=True)
    stack = "AWS::CloudFormation::Stack"
    account.add_event(root, "Api", stack, "UPDATE_IN_PROGRESS", PhysicalResourceId=inner.id)
    account.add_event(inner, inner.name, stack, "UPDATE_IN_PROGRESS", PhysicalResourceId=inner.id)
    account.add_event(inner, "Function", "AWS::Lambda::Function", "UPDATE_COMPLETE")
    out = io.StringIO()
    for _ in range(2):
        show_events(feed, Console(out, clock=lambda: 0))
    assert out.getvalue() == "[   0 s]   Api > Function UPDATE_COMPLETE\n"


@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch, no_colour: str, coloured: bool) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("NO_COLOR", no_colour)
    terminal = Terminal()
    Console(terminal).bad("no")
    assert ("\x1b[31m" in terminal.getvalue()) == coloured


def test_a_reader_that_goes_away_leaves_no_traceback(account: Account) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "infra.deploy", "--help"],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")
