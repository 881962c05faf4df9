"""What is in a bundle, as files and as the function sees it."""

from __future__ import annotations

import hashlib
import importlib.util
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from infra.bundle.build import build, size_of
from infra.bundle.recipe import LIGHT, MIGRATE, Recipe
from infra.bundle.target import Target
from infra.lambda_runtime.function import Function
from infra.security.bill import bill_of
from infra.security.products import products
from tests.aws.runtime.conftest import Start

PROBE = Path(__file__).with_name("probe")
NEVER = ("openai", "google", "celery", "kombu", "worker", "uvicorn", "uvloop", "tests", "infra", "pytest")
MIGRATIONS_ONLY = ("sqlalchemy", "alembic", "mako")
OF_THE_RUNTIME = ("boto3", "botocore")
UNCHECKED = (1).to_bytes(4, "little")
"""The flags in bytecode that is known by a hash which nobody compares."""


@pytest.fixture
def probe(start: Start, environment: dict[str, str]) -> Function:
    return start("probe.handler", environment, also_on_path=[PROBE])


@pytest.fixture
def migrate_probe(start: Start, environment: dict[str, str], migrate_bundle: Path) -> Function:
    return start("probe.handler", environment, bundle=migrate_bundle, also_on_path=[PROBE])


def test_the_light_function_sees_what_it_needs_and_no_more(probe: Function, light: Path) -> None:
    seen = probe.invoke({"find": [*NEVER, *MIGRATIONS_ONLY, *OF_THE_RUNTIME, "fastapi"]})
    assert {name for name, origin in seen["found"].items() if origin} == {*OF_THE_RUNTIME, "fastapi"}
    assert seen["found"]["fastapi"].startswith(str(light))
    assert not any(seen["found"][name].startswith(str(light)) for name in OF_THE_RUNTIME)
    assert not any(".venv" in path for path in seen["path"])


def test_every_module_of_ours_can_be_loaded(probe: Function, migrate_probe: Function) -> None:
    assert probe.invoke({"load": ["core", "handlers"]})["failed"] == {}
    assert migrate_probe.invoke({"load": ["core", "handlers"]})["failed"] == {}


def test_the_migrating_function_has_alembic_too(migrate_probe: Function, migrate_bundle: Path) -> None:
    seen = migrate_probe.invoke({"find": [*NEVER, *MIGRATIONS_ONLY, *OF_THE_RUNTIME]})
    assert {name for name, origin in seen["found"].items() if origin} == {*MIGRATIONS_ONLY, *OF_THE_RUNTIME}
    assert (migrate_bundle / "alembic.ini").is_file()


@pytest.mark.parametrize("recipe", [LIGHT, MIGRATE], ids=lambda recipe: recipe.name)
def test_the_bill_of_materials_names_what_is_there(recipe: Recipe, target: Target) -> None:
    there = {
        f"pkg:pypi/{canonicalize_name(package.name)}@{package.version}"
        for package in distributions(path=[str(build(recipe, target, say=print))])
    }
    chosen = {"ARCH": target.architecture, "PYTHON_VERSION": target.python}
    [product] = [each for each in products(chosen) if each.lock == recipe.lock]
    assert {component["purl"] for component in bill_of(product)["components"]} == there


@pytest.mark.parametrize("recipe", [LIGHT, MIGRATE], ids=lambda recipe: recipe.name)
def test_files(recipe: Recipe, target: Target) -> None:
    bundle = build(recipe, target, say=print)
    assert size_of(bundle) < recipe.most_bytes
    names = {path.name for path in bundle.rglob("*")}
    assert not names & {"tests", "boto3", "botocore", "RECORD", "direct_url.json"}
    assert not list(bundle.rglob("*.pyi"))
    assert not [path for path in bundle.rglob("*") if path.is_symlink()]


def test_bytecode_is_there_is_never_checked_and_names_lambdas_folder(light: Path) -> None:
    for source in light.rglob("*.py"):
        bytecode = Path(importlib.util.cache_from_source(str(source))).read_bytes()
        assert bytecode[:4] == importlib.util.MAGIC_NUMBER, source
        assert bytecode[4:8] == UNCHECKED, source
        assert str(light).encode() not in bytecode
    assert (
        b"/var/task/handlers/api.py"
        in (light / "handlers/__pycache__")
        .joinpath(Path(importlib.util.cache_from_source("api.py")).name)
        .read_bytes()
    )


def test_what_did_not_change_is_not_built_again(target: Target, light: Path) -> None:
    said: list[str] = []
    assert build(LIGHT, target, say=said.append) == light
    assert said == []


def test_building_again_gives_the_same_bytes(target: Target, light: Path, tmp_path: Path) -> None:
    """An unchanged function is not deployed again."""
    assert _fingerprints(build(LIGHT, target, say=print, home=tmp_path)) == _fingerprints(light)


def _fingerprints(folder: Path) -> dict[str, tuple[str, int, int]]:
    found = {}
    for path in folder.rglob("*"):
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        status = path.stat()
        found[str(path.relative_to(folder))] = (content, status.st_mode, int(status.st_mtime))
    return found
