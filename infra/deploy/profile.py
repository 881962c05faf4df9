"""What samconfig.toml says of an environment, and what template.yaml says of its parameters."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.deploy.errors import DeployError

_PAIR = re.compile(
    r"""(?:^|\s)(?:ParameterKey=(?P<long>\w+),ParameterValue=|(?P<short>\w+)=)"""
    r"""(?P<value>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|[^\s"\\])*)"""
)
"""As sam reads `Key=Value Key="a value"`, but for a value that is empty, which sam refuses."""

PARAMETERS = "parameter_overrides"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """`parameters` are the profile's own, `defaults` the template's, None where it has none."""

    name: str
    stack: str
    region: str | None
    aws_profile: str | None
    own_bucket: bool
    parameters: Mapping[str, str]
    defaults: Mapping[str, str | None]

    @property
    def environment(self) -> str:
        return self.value("Environment") or self.name

    def value(self, parameter: str) -> str | None:
        return self.parameters.get(parameter, self.defaults.get(parameter))


def read_profile(root: Path, name: str) -> Profile:
    """The profile `name` of samconfig.toml. Raises DeployError for one that is not there or is wrong."""
    config = _toml(root / "samconfig.toml")
    if not isinstance(config.get(name), dict):
        known = ", ".join(key for key, value in config.items() if isinstance(value, dict))
        raise DeployError(f"samconfig.toml has no environment {name}; it has: {known}")
    sections = config[name]
    # sam lays the command's own section over `global`, key by key.
    options: dict[str, Any] = {}
    for section in ("global", "deploy"):
        options |= sections.get(section, {}).get("parameters", {})
    if not options.get("stack_name"):
        raise DeployError(f"samconfig.toml: add stack_name to [{name}.deploy.parameters]")
    parameters = dict(_pairs(options.get(PARAMETERS, {})))
    defaults = _declared(root / "template.yaml")
    unknown = sorted(parameters.keys() - defaults.keys())
    if unknown:
        raise DeployError(f"samconfig.toml: template.yaml has no parameter {', '.join(unknown)}")
    return Profile(
        name=name,
        stack=str(options["stack_name"]),
        region=options.get("region"),
        aws_profile=options.get("profile"),
        own_bucket=bool(options.get("s3_bucket")),
        parameters=parameters,
        defaults=defaults,
    )


def all_parameters(profile: Profile, ours: Mapping[str, str]) -> dict[str, str]:
    """Every parameter of the template: ours over the profile's over the template's default.

    sam takes parameters on its command line *instead* of the profile's, and CloudFormation keeps an
    existing stack's last value for each that is left out, so that a line taken out of samconfig.toml,
    or a new default, would change nothing. Raises DeployError for one that nobody gives a value.
    """
    unknown = sorted(ours.keys() - profile.defaults.keys())
    if unknown:
        raise DeployError(
            f"template.yaml has no parameter {', '.join(unknown)}, which every deployment gives"
        )
    given: dict[str, str | None] = {**profile.defaults, **profile.parameters, **ours}
    missing = sorted(name for name, value in given.items() if value is None)
    if missing:
        raise DeployError(f"samconfig.toml: {profile.name} gives no value for {', '.join(missing)}")
    return {name: value for name, value in given.items() if value is not None}


def write_parameters(root: Path, profile: Profile, parameters: Mapping[str, str]) -> str:
    """Leave them where `sam … --parameter-overrides` finds them, and return what to call that.

    A file, since a value with a space or a quote would have to be quoted for sam's own parser.
    """
    # JSON is YAML, and of the two sam reads files with the second name only.
    path = Path(".aws-sam") / f"parameters-{profile.name}.yaml"
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_text(json.dumps(dict(parameters), indent=2) + "\n")
    return f"file://{path}"


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as exc:
        raise DeployError(f"{path.name}: {exc.strerror}: run this in a checkout of Rootnote") from exc
    except ValueError as exc:
        raise DeployError(f"{path.name}: {exc}") from exc


def _pairs(given: object) -> Iterator[tuple[str, str]]:
    """Of a table, a text, or a list of either."""
    if isinstance(given, str):
        if given.startswith("file://"):
            raise DeployError(f"samconfig.toml: write the parameters there instead of {given}")
        for match in _PAIR.finditer(given.strip()):
            yield match["long"] or match["short"], _unquoted(match["value"])
    elif isinstance(given, list):
        for part in given:
            yield from _pairs(part)
    elif isinstance(given, dict):
        for name, value in given.items():
            yield name, _text(value)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return re.sub(r"""\\([ "'])""", r"\1", value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_text(part) for part in value)
    return str(value)


class _Loader(yaml.SafeLoader):
    """Of CloudFormation's tags it only has to know that they are there."""


def _anything(_: yaml.SafeLoader, __: str, ___: yaml.Node) -> None:
    return None


_Loader.add_multi_constructor("!", _anything)


def _declared(path: Path) -> dict[str, str | None]:
    """The template's parameters and their defaults."""
    try:
        # A SafeLoader, by its base.
        template = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as exc:
        raise DeployError(f"{path.name}: {exc.strerror}: run this in a checkout of Rootnote") from exc
    except yaml.YAMLError as exc:
        raise DeployError(f"{path.name} is not YAML: {' '.join(str(exc).split())}") from exc
    declared = template.get("Parameters") or {}
    return {name: _text(about["Default"]) if "Default" in about else None for name, about in declared.items()}
