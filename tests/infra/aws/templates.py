"""The AWS templates as CloudFormation would see them: parsed, and SAM's resources transformed, offline."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from boto3 import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from tests.conftest import ROOT

Template = dict[str, Any]

REGION = "eu-central-1"
ROOT_TEMPLATE = "template.yaml"
REGISTRY = "infra/registry.yaml"


def source(path: str) -> Template:
    """A template as it is written, short forms of functions spelt out (`!Ref X` is {"Ref": "X"}); a copy."""
    return copy.deepcopy(_parsed(path))


@cache
def _parsed(path: str) -> Template:
    parsed: Template = yaml_parse((ROOT / path).read_text())  # type: ignore[no-untyped-call]
    return parsed


def plain(path: str) -> Template:
    """A template with SAM's resources turned into CloudFormation's; a copy, which may be changed."""
    return copy.deepcopy(_transformed(path))


@cache
def _transformed(path: str) -> Template:
    template = source(path)
    if "Transform" not in template:
        return template
    _package(template)
    translator = Translator({}, Parser(), boto_session=Session(region_name=REGION))
    transformed: Template = translator.translate(template, {})
    return transformed


def _package(template: Template) -> None:
    """As `sam package` does: SAM takes a bundle that is in a bucket only."""
    resources = template["Resources"].values()
    holders = [template.get("Globals", {}).get("Function", {}), *(r.get("Properties", {}) for r in resources)]
    for holder in holders:
        if "CodeUri" in holder:
            holder["CodeUri"] = "s3://bucket/bundle"


def nested() -> dict[str, str]:
    """Name in the root template -> path, of each nested stack."""
    return {
        name: resource["Properties"]["Location"]
        for name, resource in _parsed(ROOT_TEMPLATE)["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Application"
    }
