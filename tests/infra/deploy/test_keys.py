"""Keys: an API key's hash goes to AWS and the key does not; a model's key goes to Secrets Manager alone."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from core.cli import cli
from core.domain.access import hash_key
from tests.infra.deploy.account import CLUSTER, SECRET, WORKER, Account
from tests.infra.deploy.conftest import Run

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}
TASK = f"arn:aws:ecs:eu-central-1:1:task/{CLUSTER}/7f3a"
Json = Mapping[str, Any]


class Ecs:
    """One service, and tasks that take these states one after another."""

    def __init__(self, account: Account) -> None:
        self.states: list[dict[str, Any]] = [
            {"lastStatus": "PROVISIONING"},
            {"lastStatus": "STOPPED", "containers": [{"name": "worker", "exitCode": 0}]},
        ]
        self.rollout = ["IN_PROGRESS", "COMPLETED"]
        account.add_rootnote()
        account.aws.operations |= {
            "ecs.DescribeServices": self._services,
            "ecs.RunTask": lambda _: {"tasks": [{"taskArn": TASK}], "failures": []},
            "ecs.DescribeTasks": lambda _: {
                "tasks": [self.states.pop(0) if self.states[1:] else self.states[0]]
            },
            "ecs.StopTask": lambda _: {},
            "ecs.UpdateService": lambda _: {},
            "logs.DescribeLogStreams": lambda _: {"logStreams": [{"logStreamName": "w/worker/7f3a"}]},
            "logs.GetLogEvents": lambda _: {"events": [{"message": "Error: no database\n", "timestamp": 1}]},
        }

    def _services(self, _: Json) -> Json:
        state = self.rollout.pop(0) if self.rollout[1:] else self.rollout[0]
        deployment = {"status": "PRIMARY", "rolloutState": state, "runningCount": 1, "desiredCount": 1}
        service = {"serviceName": WORKER, "taskDefinition": "worker:7", "networkConfiguration": NETWORK}
        return {"services": [{**service, "deployments": [deployment]}]}


@pytest.fixture
def ecs(account: Account) -> Ecs:
    return Ecs(account)


def test_a_key_is_made_here_and_only_its_hash_leaves(run: Run, account: Account, ecs: Ecs) -> None:
    done = run("create-key", "--env", "staging", "--scope", "admin", "--name", "ada")
    assert done.code == 0, done.err
    key = done.out.strip()
    assert key.startswith("rn_")
    assert key not in done.err
    assert key not in repr(account.aws.journal)
    started = account.aws.given("ecs.RunTask")
    assert (started["taskDefinition"], started["networkConfiguration"]) == ("worker:7", NETWORK)
    [container] = started["overrides"]["containerOverrides"]
    words = container["command"]
    assert words[:5] == ["python", "-m", "core.cli", "keys", "add-hash"]
    given = dict(zip(words[5::2], words[6::2], strict=True))
    assert given.pop("--id") in done.err
    assert given == {"--sha256": hash_key(key), "--scope": "admin", "--name": "ada"}
    # The command is one that core.cli takes.
    group, _, rest = cli.resolve_command(
        cli.make_context("core.cli", words[3:], resilient_parsing=True), words[3:]
    )
    assert group == "keys"
    assert rest is not None


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ({"containers": [{"name": "worker", "exitCode": 1}]}, "the task ended with exit code 1"),
        (
            {"containers": [{"name": "worker", "reason": "CannotPullContainerError: no"}]},
            "the task never ran: CannotPullContainerError: no",
        ),
    ],
)
def test_a_key_that_was_not_stored_is_not_shown(
    run: Run, account: Account, ecs: Ecs, end: dict[str, Any], said: str
) -> None:
    ecs.states = [{"lastStatus": "STOPPED", **end}]
    done = run("create-key", "--env", "staging", "--scope", "admin")
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert "| Error: no database" in done.err


def test_a_task_that_hangs_is_stopped(run: Run, account: Account, ecs: Ecs) -> None:
    ecs.states = [{"lastStatus": "PENDING"}]
    done = run("create-key", "--env", "staging", "--scope", "read", "--project", "shop")
    assert (done.code, done.out) == (1, "")
    assert account.aws.given("ecs.StopTask")["task"] == TASK


def test_a_task_that_ecs_does_not_start(run: Run, account: Account, ecs: Ecs) -> None:
    account.aws.operations["ecs.RunTask"] = lambda _: {"tasks": [], "failures": [{"reason": "CAPACITY"}]}
    assert (
        "ECS did not start a task: CAPACITY" in run("create-key", "--env", "staging", "--scope", "read").err
    )


def test_without_a_deployment_there_are_no_keys(run: Run, account: Account) -> None:
    done = run("create-key", "--env", "staging", "--scope", "admin")
    assert done.err == "deploy: there is no stack rootnote-staging: run `make deploy ENV=staging` first\n"


def test_a_models_key_is_stored_and_the_other_one_kept(
    run: Run, account: Account, ecs: Ecs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("# from a file\nGEMINI_API_KEY=AIza-new\n\n"))
    done = run("set-model-keys", "--env", "staging")
    assert done.code == 0, done.err
    assert account.secret == {"OPENAI_API_KEY": "sk-old", "GEMINI_API_KEY": "AIza-new"}
    assert account.aws.given("secretsmanager.PutSecretValue")["SecretId"] == SECRET
    restarted = account.aws.given("ecs.UpdateService")
    assert (restarted["service"], restarted["forceNewDeployment"]) == (WORKER, True)
    assert "1 of 1 new tasks run, completed" in done.out
    for secret in ("AIza-new", "sk-old"):
        assert secret not in done.all


def test_a_models_key_from_the_environment(
    run: Run, account: Account, ecs: Ecs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-new")
    ecs.rollout = ["FAILED"]
    done = run("set-model-keys", "--env", "staging", "--from-env", "--no-wait")
    assert (done.code, account.secret["OPENAI_API_KEY"]) == (0, "sk-new")
    done = run("set-model-keys", "--env", "staging", "--from-env")
    assert (done.code, "the new tasks do not start" in done.err) == (1, True)


@pytest.mark.parametrize(("given", "said"), [("", "no key was given"), ("OPENAI=sk-x", "line 1 of standard")])
def test_what_is_no_key_changes_nothing(
    run: Run, account: Account, ecs: Ecs, monkeypatch: pytest.MonkeyPatch, given: str, said: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    done = run("set-model-keys", "--env", "staging")
    assert done.code == 1
    assert said in done.err
    assert "sk-x" not in done.all
    assert "secretsmanager.PutSecretValue" not in account.aws.said()
