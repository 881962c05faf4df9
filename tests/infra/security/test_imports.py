"""Whatever is imported is asked for by name: what only came along with something else may go with it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from infra.bundle.recipe import LIGHT, MIGRATE
from infra.security.locks import ROOT, read_input

OURS = {"core", "handlers", "worker", "infra", "tests"}
NAMESPACES = {
    "google.genai": "google-genai",
    "google.generativeai": "google-generativeai",
    # Both come with google-generativeai, whose answers are theirs.
    "google.api_core": "google-generativeai",
    "google.ai": "google-generativeai",
}
ALONG = {
    "botocore": "boto3",
    "starlette": "fastapi",
    "pydantic-core": "pydantic",
}
"""One project in two packages: the first is the second's own, of one release."""
LAMBDA_BRINGS = {"boto3"}
ASKED_ONLY_WHERE_IT_RUNS = {
    Path("handlers/exposure.py"): "uvicorn",
    Path("handlers/snapshot.py"): "snapshot-restore-py",
}
PACKAGES = packages_distributions()


def files(*folders: str, leaves_out: Iterable[str] = ()) -> list[Path]:
    found = [path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if not any(path.is_relative_to(out) for out in leaves_out))


def imported(path: Path) -> set[str]:
    """Distributions' names, as asked for; a module that is not installed by its own name."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {asked_for_as(name) for name in names} - {""}


def asked_for_as(module: str) -> str:
    top = module.partition(".")[0]
    if top in OURS or top in sys.stdlib_module_names:
        return ""
    for prefix, name in NAMESPACES.items():
        if f"{module}.".startswith(f"{prefix}."):
            return name
    name = canonicalize_name(PACKAGES.get(top, [top])[0])
    return canonicalize_name(ALONG.get(name, name))


PLUGINS = "infra/localstack/plugins"
SCHEMA_CHECK = "infra/security/schema_check.py"
IN_OTHER_ENVIRONMENTS = {"cyclonedx": "cyclonedx-python-lib", "localstack": "localstack-core"}


@pytest.mark.parametrize(
    ("name", "paths", "more"),
    [
        ("requirements/lambda.in", LIGHT.own_files(), LAMBDA_BRINGS),
        ("requirements/migrate.in", MIGRATE.own_files(), LAMBDA_BRINGS),
        ("requirements.in", files("core", "handlers", "worker"), set()),
        ("requirements/local.in", files("infra/local"), set()),
        ("requirements/dev.in", files("infra", "tests", leaves_out=(PLUGINS, SCHEMA_CHECK)), set()),
        ("requirements/audit.in", [Path(SCHEMA_CHECK)], set()),
        ("requirements/localstack.in", files(PLUGINS), set()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_import_is_asked_for(name: str, paths: list[Path], more: set[str]) -> None:
    requirements = read_input(ROOT / name)
    # psycopg[pool] is psycopg-pool.
    extras = {f"{asked}-{extra}" for asked, each in requirements.items() for extra in each.extras}
    asked = set(requirements) | extras | more
    python = [path for path in paths if path.suffix == ".py"]
    assert python
    missing = {
        f"{path}: {distribution}"
        for path in python
        for distribution in imported(path)
        # Stubs are read by mypy alone.
        if not distribution.startswith("types-") or "dev" in name
        if ASKED_ONLY_WHERE_IT_RUNS.get(path) != distribution
        if IN_OTHER_ENVIRONMENTS.get(distribution, distribution) not in asked
    }
    assert missing == set()
