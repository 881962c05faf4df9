"""For which Lambda a bundle is built, and what its recipe takes from the checkout."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from core.processes import Process
from infra.bundle.bytecode import precompile
from infra.bundle.errors import BundleError
from infra.bundle.interpreter import interpreter_for
from infra.bundle.recipe import LIGHT, MIGRATE, RECIPES, Recipe
from infra.bundle.target import Architecture, Target, running_python, wanted
from tests.conftest import ROOT

FUNCTIONS = (
    Process.API,
    Process.BUFFERED_EVENTS,
    Process.LOG_EVENTS,
    Process.BACKLOG_METRIC,
    Process.MIGRATE,
)


def test_what_is_not_said_suits_the_python_that_builds() -> None:
    target = wanted({})
    assert target.python == running_python()
    assert target.sam_parameters == f"LambdaRuntime={target.runtime} Architecture={target.architecture}"


@pytest.mark.parametrize(
    ("python", "architecture"), [("3.11", "x86_64"), ("3.12", "arm64"), ("python3.13", "arm64")]
)
def test_arm_where_there_are_wheels_for_it(python: str, architecture: str) -> None:
    assert wanted({"PYTHON_VERSION": python}).architecture == architecture


@pytest.mark.parametrize("given", [{"PYTHON_VERSION": "3.9"}, {"PYTHON_VERSION": "3"}, {"ARCH": "aarch64"}])
def test_a_lambda_that_does_not_exist(given: dict[str, str]) -> None:
    with pytest.raises(BundleError):
        wanted({"PYTHON_VERSION": "3.12"} | given)


def test_wheels_fit_the_c_library_of_the_runtime() -> None:
    old = Target(architecture=Architecture.X86_64, python="3.11").platforms
    assert old[0] == "manylinux_2_26_x86_64"
    assert {"manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux1_x86_64"} < set(old)
    new = Target(architecture=Architecture.ARM64, python="3.13").platforms
    assert new[0] == "manylinux_2_34_aarch64"
    assert "manylinux_2_28_aarch64" in new


def test_a_python_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nor is one that says that it is another, as a version manager's stand-in may be."""
    other = "3.12" if running_python() != "3.12" else "3.13"
    target = Target(architecture=Architecture.ARM64, python=other)
    stand_in = tmp_path / target.runtime
    stand_in.symlink_to(sys.executable)
    for path in (tmp_path / "empty", tmp_path):
        monkeypatch.setenv("PATH", str(path))
        interpreter_for.cache_clear()
        with pytest.raises(BundleError, match=f"no {target.runtime} runs here"):
            interpreter_for(target)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_a_lock_is_the_same_for_every_processor(recipe: Recipe) -> None:
    """pip reads such markers of the machine that builds, not of the one that it builds for."""
    assert not re.findall(r";.*(platform_machine|platform_system|os_name)", recipe.lock.read_text())


def test_each_function_has_its_handler_in_its_bundle() -> None:
    for process in FUNCTIONS:
        recipe = MIGRATE if process is Process.MIGRATE else LIGHT
        assert Path(f"handlers/{process}.py") in recipe.own_files()


def test_what_is_of_migrations_is_in_their_bundle_only() -> None:
    mine, theirs = set(LIGHT.own_files()), set(MIGRATE.own_files())
    assert Path("alembic.ini") in theirs - mine
    assert {path for path in theirs - mine if "migrations/versions" in str(path)}
    assert mine < theirs
    assert all((ROOT / path).is_file() for path in theirs)


def test_bytecode_is_never_checked_and_names_lambdas_folder(tmp_path: Path) -> None:
    """Lambda's files have other times than those that were compiled, and cannot be written beside."""
    source = tmp_path / "core" / "code.py"
    source.parent.mkdir()
    source.write_text("def where(): return 1\n")
    precompile(sys.executable, tmp_path, ["core"])
    bytecode = Path(importlib.util.cache_from_source(str(source))).read_bytes()
    unchecked_hash = (1).to_bytes(4, "little")
    assert bytecode[:8] == importlib.util.MAGIC_NUMBER + unchecked_hash
    assert b"/var/task/core/code.py" in bytecode
    assert str(tmp_path).encode() not in bytecode
