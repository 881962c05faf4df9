"""Least privilege: every role's rights written out once more, and every wildcard with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.infra.aws.deployment import Deployment, Resource

DEPLOYMENT = Deployment()

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
SECRET = {"secretsmanager:GetSecretValue"}
PULL = {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
LOG_IN = {"ecr:GetAuthorizationToken"}
BOTH_SECRETS = {"Data.Database.MasterUserSecret.SecretArn", "Data.CacheSecret"}
IMAGES = {"arn:aws:ecr:eu-central-1:123456789012:repository/rootnote"}
BUFFER = "Api.EventBufferQueue.Arn"
DEAD = "Api.EventBufferDeadLetterQueue.Arn"

Grant = tuple[frozenset[str], frozenset[str]]


def grant(actions: set[str], resources: set[str]) -> Grant:
    return frozenset(actions), frozenset(resources)


ROLES: Mapping[str, set[Grant]] = {
    "Api.ApiRole": {
        grant(LOGS, {"Api.ApiLogs.Arn"}),
        grant(SECRET, BOTH_SECRETS),
        grant({"sqs:SendMessage"}, {BUFFER}),
    },
    "Api.BufferedEventsRole": {
        grant(LOGS, {"Api.BufferedEventsLogs.Arn"}),
        grant(SECRET, BOTH_SECRETS),
        grant({"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}, {BUFFER}),
        grant({"sqs:SendMessage"}, {DEAD}),
    },
    "Api.LogEventsRole": {
        grant(LOGS, {"Api.LogEventsLogs.Arn"}),
        grant(SECRET, BOTH_SECRETS),
        grant({"sqs:SendMessage"}, {"Api.LogEventsFailedQueue.Arn"}),
    },
    "Api.BacklogMetricRole": {grant(LOGS, {"Api.BacklogMetricLogs.Arn"}), grant(SECRET, BOTH_SECRETS)},
    "Migrations.MigrateRole": {
        grant(LOGS, {"Migrations.MigrateLogs.Arn"}),
        grant(SECRET, {"Data.Database.MasterUserSecret.SecretArn"}),
    },
    "Worker.WorkerExecutionRole": {
        grant(LOG_IN, {"*"}),
        grant(PULL, IMAGES),
        grant(LOGS, {"Worker.WorkerLogs.Arn"}),
        grant(SECRET, {"Data.ModelKeysSecret"}),
    },
    "Worker.WorkerRole": {
        grant(SECRET, BOTH_SECRETS),
        grant(
            {"ecs:GetTaskProtection", "ecs:UpdateTaskProtection"},
            {"arn:aws:ecs:eu-central-1:123456789012:task/Worker.Cluster/*"},
        ),
    },
    "Worker.BeatExecutionRole": {
        grant(LOG_IN, {"*"}),
        grant(PULL, IMAGES),
        grant(LOGS, {"Worker.BeatLogs.Arn", "Worker.MaintenanceLogs.Arn"}),
    },
    "Worker.BeatRole": {grant(SECRET, BOTH_SECRETS)},
    "Api.AccessLogRole": set(),
}

WILDCARDS: Mapping[str, str] = {
    "Network.FunctionPolicy:AttachToVpc": "Lambda asks for these on every network interface",
    "Network.SecretsEndpoint:ReadSecretsOfThisAccount": "roles say which; RDS chooses its secret's name",
    "Network.QueuesEndpoint:SendToQueuesOfThisDeployment": "roles say which; the queues are made later",
    "Network.ObjectsEndpoint:AnswerCloudFormation": "CloudFormation chooses the object's name",
    "Network.ObjectsEndpoint:ReadImageLayers": "layers are objects of ECR's bucket",
    "Worker.WorkerExecutionRole:LogInToRegistry": "it is not of any repository",
    "Worker.BeatExecutionRole:LogInToRegistry": "it is not of any repository",
    "Worker.WorkerRole:AskNotToBeScaledIn": "a task's id is not known before it runs",
    "Observability.AlarmKey:AdministeredByTheAccount": "a key that nobody administers is lost for ever",
    "Observability.AlarmKey:UsedByAlarms": "in a key's policy, * is that key",
}


@dataclass(frozen=True, kw_only=True)
class Statement:
    owner: str
    allows: bool
    sid: str
    actions: frozenset[str]
    resources: frozenset[str]
    whole: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.owner}:{self.sid}"


def many(value: Any) -> frozenset[str]:
    return frozenset([value] if isinstance(value, str) else value)


def documents(resource: Resource) -> Iterator[Mapping[str, Any]]:
    for key in ("PolicyDocument", "KeyPolicy"):
        if key in resource.properties:
            yield resource.properties[key]
    for policy in resource.properties.get("Policies", []):
        yield policy["PolicyDocument"]


def statements(deployment: Deployment) -> Iterator[Statement]:
    for resource in deployment.resources():
        for document in documents(resource):
            for one in document["Statement"]:
                assert not {"NotAction", "NotResource", "NotPrincipal"} & set(one)
                yield Statement(
                    owner=resource.id,
                    allows=one["Effect"] == "Allow",
                    sid=one["Sid"],
                    actions=many(one["Action"]),
                    resources=many(one["Resource"]),
                    whole=one,
                )


STATEMENTS = list(statements(DEPLOYMENT))


def test_every_wildcard_is_listed_with_its_reason_and_none_is_listed_in_vain() -> None:
    wild = {
        s.id
        for s in STATEMENTS
        if s.allows and any("*" in text or "?" in text for text in s.actions | s.resources)
    }
    assert wild == set(WILDCARDS)


def test_one_action_alone_is_a_wildcard() -> None:
    wild = {a for s in STATEMENTS if s.allows for a in s.actions if "*" in a}
    assert wild == {"kms:*"}


def test_there_are_no_other_roles() -> None:
    roles = {r.id for r in DEPLOYMENT.resources("AWS::IAM::Role")}
    assert roles == set(ROLES)
    assert not list(DEPLOYMENT.resources("AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::Policy"))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_is_written_here_and_no_more(role: str) -> None:
    granted = {(s.actions, s.resources) for s in STATEMENTS if s.owner == role and s.allows}
    assert granted == ROLES[role]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_for_one_service_and_has_one_policy_of_others_at_most(role: str) -> None:
    resource = DEPLOYMENT.find(role)
    (trust,) = resource.properties["AssumeRolePolicyDocument"]["Statement"]
    policies = resource.properties.get("ManagedPolicyArns", [])
    expected = {
        "Lambda": ("lambda.amazonaws.com", ["Network.FunctionPolicy"]),
        "Tasks": ("ecs-tasks.amazonaws.com", []),
        "Logs": (
            "apigateway.amazonaws.com",
            ["arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"],
        ),
    }
    kind = "Logs" if role == "Api.AccessLogRole" else "Tasks" if role.startswith("Worker.") else "Lambda"
    assert (trust["Principal"]["Service"], policies) == expected[kind]
    assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")


def test_functions_and_tasks_have_roles_of_their_own() -> None:
    roles = [f.properties["Role"] for f in DEPLOYMENT.resources("AWS::Lambda::Function")]
    for task in DEPLOYMENT.resources("AWS::ECS::TaskDefinition"):
        roles += [task.properties["TaskRoleArn"], task.properties["ExecutionRoleArn"]]
    assert len(set(roles)) == len(roles)
    assert {role.removesuffix(".Arn") for role in roles} == set(ROLES) - {"Api.AccessLogRole"}


def test_a_functions_own_code_may_not_touch_network_interfaces() -> None:
    (allow,) = [s for s in STATEMENTS if s.id == "Network.FunctionPolicy:AttachToVpc"]
    (deny,) = [s for s in STATEMENTS if s.id == "Network.FunctionPolicy:NotByTheCodeItself"]
    assert (deny.allows, deny.actions) == (False, allow.actions)
    assert list(deny.whole["Condition"]) == ["ArnLike"]


def test_who_may_start_a_function_is_said_with_a_source() -> None:
    permissions = [r.properties for r in DEPLOYMENT.resources("AWS::Lambda::Permission")]
    assert all("SourceArn" in p or "SourceAccount" in p for p in permissions)
    assert {(p["FunctionName"], p["Principal"]) for p in permissions} == {
        ("Api.ApiAlias", "apigateway.amazonaws.com"),
        ("Api.LogEventsFunction", "logs.eu-central-1.amazonaws.com"),
        ("Api.BacklogMetricFunction", "events.amazonaws.com"),
    }


def test_what_is_open_to_every_principal_has_a_condition_or_is_an_endpoints() -> None:
    for statement in STATEMENTS:
        if statement.allows and statement.whole.get("Principal") == "*":
            assert statement.owner.startswith("Network.")
            assert "Condition" in statement.whole or statement.owner == "Network.ObjectsEndpoint"
