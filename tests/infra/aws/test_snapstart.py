"""The API's start from a snapshot, by parameter: which version answers, and when another one is published."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.aws.deployment import Deployment
from tests.infra.aws.functions import Context

WITHOUT = Deployment()
WITH = Deployment({"ApiSnapStart": "on", "Release": "r1"})
NEXT = Deployment({"ApiSnapStart": "on", "Release": "r2"})


def properties(deployment: Deployment, id: str) -> dict[str, Any]:  # noqa: A002  (as CloudFormation calls it)
    return deployment.find(id).properties


def test_without_it_the_newest_code_and_environment_answer() -> None:
    assert "SnapStart" not in properties(WITHOUT, "Api.ApiFunction")
    assert properties(WITHOUT, "Api.ApiAlias")["FunctionVersion"] == "$LATEST"
    assert not list(WITHOUT.resources("AWS::Lambda::Version"))


def test_with_it_a_published_version_answers() -> None:
    assert properties(WITH, "Api.ApiFunction")["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert properties(WITH, "Api.ApiAlias")["FunctionVersion"] == "Api.ApiVersion.Version"
    assert [found.id for found in WITH.resources("AWS::Lambda::Version")] == ["Api.ApiVersion"]


def test_another_release_changes_the_function_and_makes_another_version() -> None:
    """Lambda publishes nothing of a function that has not changed, and CloudFormation fails then."""
    for id_ in ("Api.ApiFunction", "Api.ApiVersion"):
        descriptions = [properties(deployment, id_)["Description"] for deployment in (WITH, NEXT)]
        assert descriptions[0] != descriptions[1], id_
    one, other = (properties(Deployment({"Release": name}), "Api.ApiFunction") for name in ("r1", "r2"))
    assert one == other


@pytest.mark.parametrize("deployment", [WITHOUT, WITH])
def test_the_api_calls_the_alias_and_may(deployment: Deployment) -> None:
    alias = properties(deployment, "Api.ApiAlias")
    assert (alias["FunctionName"], alias["Name"]) == ("Api.ApiFunction", "live")
    paths = properties(deployment, "Api.Api")["Body"]["paths"]
    assert set(paths) == {"/", "/{proxy+}"}
    for path in paths.values():
        integration = path["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
        assert integration["type"] == "aws_proxy"
        assert integration["uri"].endswith("/functions/Api.ApiFunction.Arn:live/invocations")
    permission = properties(deployment, "Api.ApiPermission")
    assert permission["FunctionName"] == "Api.ApiAlias"
    assert permission["SourceArn"].endswith(":Api.Api/*")


@pytest.mark.parametrize(
    ("runtime", "release", "is_taken"),
    [("python3.12", "r1", True), ("python3.11", "r1", False), ("python3.12", "none", False)],
)
def test_what_it_needs_is_asked_for_at_the_start(runtime: str, release: str, is_taken: bool) -> None:
    root = WITH.root
    given = Context(
        name="Root",
        template=root.template,
        parameters={**root.parameters, "LambdaRuntime": runtime, "Release": release},
        attribute=root.attribute,
    )
    rule = root.template["Rules"]["SnapStartHasItsRuntime"]
    assert given.work_out(rule["RuleCondition"])
    assert all(given.work_out(one["Assert"]) for one in rule["Assertions"]) == is_taken
