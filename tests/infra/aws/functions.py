"""CloudFormation's own functions, worked out: what a template says once its parameters are known.

What only AWS can know stands as text: `Data.Database` for the reference to a resource, and
`Data.Database.Endpoint.Address` for an attribute of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from tests.infra.aws.templates import REGION, Template

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "rootnote",
    "AWS::URLSuffix": "amazonaws.com",
}
_NOTHING = object()


@dataclass(frozen=True, kw_only=True)
class Context:
    """One stack: its template, its parameters, and `attribute`, asked for what is not in the template."""

    name: str
    template: Template
    parameters: Mapping[str, Any]
    attribute: Callable[[str, str], Any]
    _conditions: dict[str, bool] = field(default_factory=dict)

    def work_out(self, value: Any) -> Any:
        """Raises KeyError for a name that the template does not have."""
        if isinstance(value, list):
            return [v for v in map(self.work_out, value) if v is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, argument)
        worked = {key: self.work_out(v) for key, v in value.items()}
        return {key: v for key, v in worked.items() if v is not _NOTHING}

    def holds(self, condition: str) -> bool:
        if condition not in self._conditions:
            self._conditions[condition] = self.work_out(self.template["Conditions"][condition])
        return self._conditions[condition]

    def reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self.template["Resources"][name]
        if "Condition" in resource and not self.holds(resource["Condition"]):
            raise KeyError(f"{self.name}.{name} does not exist under {resource['Condition']}")
        return f"{self.name}.{name}"


def _get_att(context: Context, argument: Any) -> Any:
    name, _, attribute = (argument if isinstance(argument, str) else ".".join(argument)).partition(".")
    context.reference(name)
    return context.attribute(name, attribute)


def _sub(context: Context, argument: Any) -> str:
    text, names = argument if isinstance(argument, list) else (argument, {})

    def one(found: re.Match[str]) -> str:
        name = found[1]
        if name in names:
            return str(context.work_out(names[name]))
        return str(_get_att(context, name) if "." in name else context.reference(name))

    return re.sub(r"\$\{([^!}]+)\}", one, text)


def _if(context: Context, argument: list[Any]) -> Any:
    condition, yes, no = argument
    return context.work_out(yes if context.holds(condition) else no)


def _find_in_map(context: Context, argument: list[Any]) -> Any:
    name, first, second = context.work_out(argument)
    return context.template["Mappings"][name][str(first)][second]


def _cidr(context: Context, argument: list[Any]) -> list[str]:
    block, count, bits = context.work_out(argument)
    subnets = ip_network(block).subnets(new_prefix=32 - int(bits))
    return [str(subnet) for subnet, _ in zip(subnets, range(int(count)), strict=False)]


def _equals(context: Context, argument: list[Any]) -> bool:
    left, right = context.work_out(argument)
    return str(left) == str(right)


_FUNCTIONS: dict[str, Callable[[Context, Any], Any]] = {
    "Ref": lambda context, name: context.reference(name),
    "Condition": lambda context, name: context.holds(name),
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::Cidr": _cidr,
    "Fn::Equals": _equals,
    "Fn::Not": lambda context, argument: not context.work_out(argument)[0],
    "Fn::GetAZs": lambda _, __: [f"{REGION}a", f"{REGION}b"],
    "Fn::Join": lambda context, argument: argument[0].join(map(str, context.work_out(argument[1]))),
    "Fn::Split": lambda context, argument: context.work_out(argument[1]).split(argument[0]),
    "Fn::Select": lambda context, argument: context.work_out(argument[1])[int(argument[0])],
}
