"""Stacks fit together: parameters, outputs, handlers, profiles."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.infra.aws import templates
from tests.infra.aws.deployment import DIGEST, REQUIRED, Deployment, WrongParameterError, parameter_values
from tests.infra.aws.templates import REGISTRY, ROOT_TEMPLATE
from tests.infra.aws.told import process_of

NESTED = templates.nested()
ALL = [ROOT_TEMPLATE, REGISTRY, *NESTED.values()]
DEPLOYMENT = Deployment()

VARIANTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "standbys": {"MultiAz": "true", "NatGateways": "each-zone", "AlarmEmail": "on-call@example.com"},
    "one NAT": {"NatGateways": "one", "SpotWeight": "100", "WorkerMinTasks": "0"},
    "x86": {"Architecture": "x86_64", "LambdaRuntime": "python3.13", "SpotWeight": "50"},
    "no access logs": {"ApiAccessLogs": "off"},
    "access logs by another's role": {"ApiAccessLogs": "on"},
}


@pytest.mark.parametrize("path", ALL)
def test_each_template_says_what_it_is_for_and_every_parameter_too(path: str) -> None:
    template = templates.source(path)
    assert template["Description"].startswith("Rootnote")
    for name, parameter in template["Parameters"].items():
        assert path == "infra/scaling.yaml" or parameter["Description"], name


def test_the_roots_parameters_have_sane_defaults_and_bounds() -> None:
    declared = templates.source(ROOT_TEMPLATE)["Parameters"]
    assert {name for name, parameter in declared.items() if "Default" not in parameter} == set(REQUIRED)
    bounds = {"AllowedValues", "AllowedPattern", "MinValue"}
    assert [name for name, parameter in declared.items() if not bounds & set(parameter)] == []


@pytest.mark.parametrize("stack", NESTED)
def test_nested_parameters_are_passed_and_exist(stack: str) -> None:
    declared = templates.source(NESTED[stack])["Parameters"]
    passed = templates.source(ROOT_TEMPLATE)["Resources"][stack]["Properties"]["Parameters"]
    assert set(passed) <= set(declared)
    assert {name for name, parameter in declared.items() if "Default" not in parameter} <= set(passed)


def test_every_parameter_of_the_root_is_used() -> None:
    text = json.dumps(templates.source(ROOT_TEMPLATE)["Resources"]) + json.dumps(
        templates.source(ROOT_TEMPLATE)["Outputs"]
    )
    for name in templates.source(ROOT_TEMPLATE)["Parameters"]:
        assert f'{{"Ref": "{name}"}}' in text or f"${{{name}}}" in text, name


def test_every_output_is_asked_for_and_every_asked_one_exists() -> None:
    asked: dict[str, set[str]] = {stack: set() for stack in NESTED}
    for found in re.finditer(
        r'"Fn::GetAtt": \["(\w+)", "Outputs\.(\w+)"\]', json.dumps(templates.source(ROOT_TEMPLATE))
    ):
        asked[found[1]].add(found[2])
    for stack, path in NESTED.items():
        assert asked[stack] == set(templates.source(path).get("Outputs", {})), stack


def test_the_roots_outputs() -> None:
    assert set(DEPLOYMENT.outputs()) == {
        "ApiUrl",
        "ClusterName",
        "WorkerServiceName",
        "BeatServiceName",
        "ModelKeysSecretArn",
        "DatabaseSecretArn",
        "LogEventsFunctionArn",
        "EventBufferQueueUrl",
        "EventBufferDeadLetterQueueUrl",
        "DashboardUrl",
        "LogGroupPrefix",
    }


@pytest.mark.parametrize("parameters", VARIANTS.values(), ids=list(VARIANTS))
def test_all_of_it_can_be_worked_out(parameters: dict[str, str]) -> None:
    deployment = Deployment(parameters)
    assert len(list(deployment.resources())) > 100
    assert all(deployment.outputs().values())


def test_new_code_runs_after_the_migration() -> None:
    for stack in ("Api", "Worker"):
        assert DEPLOYMENT.stack(stack).parameters["SchemaRevision"] == "Migrations.Migration.Revision"
    assert DEPLOYMENT.find("Migrations.Migration").properties["Version"] == REQUIRED["SchemaVersion"]


def test_functions_handlers_are_there() -> None:
    for function in DEPLOYMENT.resources("AWS::Lambda::Function"):
        process = process_of(function.properties["Handler"])
        path = ROOT / "handlers" / f"{process}.py"
        if path.exists():
            tree = ast.parse(path.read_text())
            names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert "handler" in names, path


def test_each_function_is_built_by_the_makefile_from_the_projects_folder() -> None:
    for path in NESTED.values():
        template = templates.source(path)
        shared = template.get("Globals", {}).get("Function", {})
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                assert resource["Metadata"]["BuildMethod"] == "makefile"
                assert {**shared, **resource["Properties"]}["CodeUri"] == "../"


@pytest.mark.parametrize(
    "image",
    [
        "rootnote",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/rootnote",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/rootnote:latest",
        f"rootnote@{DIGEST}",
        f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/rootnote:latest@{DIGEST}",
        f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/rootnote@{DIGEST[:-1]}",
    ],
)
def test_an_image_without_its_digest_is_refused(image: str) -> None:
    with pytest.raises(WrongParameterError, match="ImageUri"):
        Deployment({"ImageUri": image})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Environment", "Staging"),
        ("VpcCidr", "10.0.0.0/24"),
        ("OpenAiBaseUrl", "http://models.example"),
        ("AnalysisRate", "many"),
        ("BudgetDayUsd", "-1"),
        ("AlarmEmail", "nobody"),
        ("WorkerCpu", "300"),
        ("SpotWeight", "101"),
        ("DatabaseBackupDays", "0"),
        ("SchemaVersion", ""),
    ],
)
def test_values_that_cannot_work_are_refused_at_the_start(name: str, value: str) -> None:
    with pytest.raises(WrongParameterError, match=name):
        Deployment({name: value})


PROFILES: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text())
PROFILES.pop("version")


def overrides(profile: str, command: str) -> dict[str, str]:
    listed = PROFILES[profile][command]["parameters"].get("parameter_overrides", [])
    return dict(one.split("=", 1) for one in listed)


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_deploys_under_a_name_of_its_own(profile: str) -> None:
    parameters = overrides(profile, "deploy")
    deployment = Deployment(parameters)
    assert len(list(deployment.resources())) > 100
    name = parameters["Environment"]
    assert PROFILES[profile]["global"]["parameters"]["stack_name"] == f"rootnote-{name}"
    assert name == ("local" if profile == "default" else profile)
    assert PROFILES[profile]["build"]["parameters"]["build_in_source"] is True
    # No role has a name of its own, so CAPABILITY_NAMED_IAM is not asked for.
    assert PROFILES[profile]["deploy"]["parameters"]["capabilities"] == [
        "CAPABILITY_IAM",
        "CAPABILITY_AUTO_EXPAND",
    ]
    assert [r.id for r in deployment.resources("AWS::IAM::Role") if "RoleName" in r.properties] == []


def test_production_stands_a_zones_loss_and_a_slip_of_the_hand() -> None:
    production = overrides("production", "deploy")
    assert (production["MultiAz"], production["NatGateways"]) == ("true", "each-zone")
    assert production["DeletionProtection"] == "true"
    assert PROFILES["production"]["deploy"]["parameters"]["confirm_changeset"] is True


def test_the_registry_stands_alone() -> None:
    template = templates.source(REGISTRY)
    assert parameter_values(template, {}) == {"RepositoryName": "rootnote", "KeptImages": "300"}
    assert REGISTRY not in NESTED.values()
