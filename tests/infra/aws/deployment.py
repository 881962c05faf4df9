"""A deployment on paper: the root template and all that it nests, with parameters, conditions and outputs
worked out as CloudFormation would."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infra.aws import templates
from tests.infra.aws.functions import Context
from tests.infra.aws.templates import ROOT_TEMPLATE, Template

DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/rootnote@{DIGEST}"
REQUIRED = {"ImageUri": IMAGE, "SchemaVersion": "0e6fe98"}
"""Parameters that have no default."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    stack: str
    name: str
    type: str
    properties: dict[str, Any]
    whole: dict[str, Any]
    """With DeletionPolicy, Metadata and so on."""

    @property
    def id(self) -> str:
        return f"{self.stack}.{self.name}"


class WrongParameterError(Exception):
    """CloudFormation would not take this value."""


class Deployment:
    """`change` may alter a nested template, given by its name in the root, before it is worked out."""

    def __init__(
        self,
        parameters: Mapping[str, str] | None = None,
        change: Callable[[str, Template], None] | None = None,
    ) -> None:
        self._change = change or (lambda _, __: None)
        self._nested = templates.nested()
        root = templates.source(ROOT_TEMPLATE)
        given = {**REQUIRED, **(parameters or {})}
        self.root = self._context("Root", root, given)
        self._stacks: dict[str, Context] = {}

    def stack(self, name: str) -> Context:
        """A nested stack, by its name in the root template."""
        if name not in self._stacks:
            template = templates.plain(self._nested[name])
            self._change(name, template)
            wanted = self.root.template["Resources"][name]["Properties"]["Parameters"]
            self._stacks[name] = self._context(name, template, self.root.work_out(wanted))
        return self._stacks[name]

    def _context(self, name: str, template: Template, given: Mapping[str, Any]) -> Context:
        def attribute(resource: str, attribute: str) -> Any:
            if template is self.root.template and attribute.startswith("Outputs."):
                return self.output(resource, attribute.removeprefix("Outputs."))
            return f"{name}.{resource}.{attribute}"

        return Context(
            name=name,
            template=template,
            parameters=parameter_values(template, given),
            attribute=attribute,
        )

    def output(self, stack: str, name: str) -> Any:
        context = self.stack(stack)
        return context.work_out(context.template["Outputs"][name]["Value"])

    def outputs(self) -> dict[str, Any]:
        """The root's."""
        return {
            name: self.root.work_out(output["Value"])
            for name, output in self.root.template["Outputs"].items()
        }

    def resources(self, *types: str) -> Iterator[Resource]:
        """All that exist under these parameters; of all types, or of those that are named."""
        for stack in self._nested:
            context = self.stack(stack)
            for name, whole in context.template["Resources"].items():
                if "Condition" in whole and not context.holds(whole["Condition"]):
                    continue
                if not types or whole["Type"] in types:
                    properties = context.work_out(whole.get("Properties", {}))
                    yield Resource(
                        stack=stack, name=name, type=whole["Type"], properties=properties, whole=whole
                    )

    def find(self, id: str) -> Resource:  # noqa: A002  (as CloudFormation calls it)
        """By `Stack.Resource`. Raises KeyError."""
        return {resource.id: resource for resource in self.resources()}[id]


def parameter_values(template: Template, given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults filled in, lists taken apart. Raises WrongParameterError, naming the parameter."""
    declared = template.get("Parameters", {})
    if unknown := set(given) - set(declared):
        raise WrongParameterError(f"not parameters: {sorted(unknown)}")
    if missing := {name for name, p in declared.items() if "Default" not in p} - set(given):
        raise WrongParameterError(f"without a value: {sorted(missing)}")
    values = {name: str(given.get(name, p.get("Default"))) for name, p in declared.items()}
    for name, value in values.items():
        if not _is_taken(declared[name], value):
            raise WrongParameterError(f"{name} may not be {value!r}")
    return {
        name: value.split(",") if declared[name]["Type"] == "CommaDelimitedList" else value
        for name, value in values.items()
    }


def _is_taken(declared: Mapping[str, Any], value: str) -> bool:
    if declared["Type"] == "Number":
        number = float(value)
        if not declared.get("MinValue", number) <= number <= declared.get("MaxValue", number):
            return False
    if "AllowedValues" in declared and value not in map(str, declared["AllowedValues"]):
        return False
    return re.fullmatch(declared.get("AllowedPattern", ".*"), value, re.DOTALL) is not None
