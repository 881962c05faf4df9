"""What is in the worker's image, and what is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from infra.containers.engine import Engine
from infra.containers.image import Image
from infra.security.bill import bill_of
from infra.security.products import products
from tests.aws.image.containers import HEALTH, USER, locked_down
from tests.conftest import ROOT

# The first of them builds the image, which takes minutes on a machine that never did.
pytestmark = pytest.mark.timeout(900)

_COMPILER = re.compile(
    r"(.*-)?(gcc|g\+\+|cc|c\+\+|c89|c99|clang|cpp|as|ld|tcc|make|cmake|cargo|rustc|go)(-[\d.]+)?"
)
_SOURCES = ("core", "handlers", "worker")


def test_its_size(image: Image, inside: dict[str, Any], tell: Callable[[str], None]) -> None:
    base = "a stand-in, since no registry answers" if image.base.is_stand_in else "the official image"
    tell(f"{image.size / 1e6:.0f} MB unpacked for {image.platform}; base: {base}, Python {inside['python']}")
    assert image.size < 650e6


def test_it_runs_as_its_own_user_with_no_capability(inside: dict[str, Any]) -> None:
    assert (inside["uid"], inside["gid"], set(inside["groups"]) - {USER}) == (USER, USER, set())
    capabilities = dict(re.findall(r"^(Cap\w+):\s+(\w+)$", inside["status"], re.MULTILINE))
    assert {name: int(value, 16) for name, value in capabilities.items()} == dict.fromkeys(capabilities, 0)
    assert len(capabilities) == 5


def test_nothing_but_the_volume_is_writable(inside: dict[str, Any]) -> None:
    assert inside["writable"] == []
    assert inside["setuid"] == []


def test_there_is_no_compiler(inside: dict[str, Any]) -> None:
    assert sorted({name for name in inside["programs"] if _COMPILER.fullmatch(name)}) == []


def test_there_is_no_installer(inside: dict[str, Any]) -> None:
    assert inside["modules"] == []
    assert inside["modules_of_base"] == []
    assert [name for name in inside["programs"] if re.fullmatch(r"(pip|easy_install|uv)[\d.-]*", name)] == []


def test_nothing_can_be_started_but_python(inside: dict[str, Any]) -> None:
    """No shell, no package manager, no tool."""
    bins = r"(/usr|/usr/local|/opt/venv)?/bin"
    others = [path for path in inside["runnable"] if not re.fullmatch(rf"{bins}/python(3(\.\d+)?)?", path)]
    assert others == []
    assert inside["runnable"]


def test_every_file_is_roots_and_nobody_elses_to_change(inside: dict[str, Any]) -> None:
    assert inside["loose"] == []


def test_a_shell_is_not_found(engine: Engine, image: Image) -> None:
    for shell in ("sh", "/bin/bash", "apt-get"):
        options = ("--rm", "--no-healthcheck", *locked_down(engine))
        done = engine.attempt("run", *options, image.tag, shell, "-c", "true", seconds=60)
        assert done.returncode == 127, shell


def test_the_code_is_there_and_nothing_else_of_the_checkout(inside: dict[str, Any]) -> None:
    sources = {
        str(path.relative_to(ROOT))
        for folder in _SOURCES
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    there = {path for path in inside["app"] if not path.endswith(".pyc")}
    assert there == sources | {"alembic.ini"}


def test_every_module_finds_what_it_imports(engine: Engine, image: Image) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in _SOURCES
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts and path.stem != "__init__"
    ]
    program = f"import importlib\nfor name in {modules}: importlib.import_module(name)"
    settings = ("--env=DATABASE_URL=postgresql://host/db", "--no-healthcheck", *locked_down(engine))
    engine.call("run", "--rm", *settings, image.tag, "python", "-W", "ignore", "-c", program, seconds=120)


def test_the_bytecode_of_every_module_is_there(inside: dict[str, Any]) -> None:
    compiled = {path for path in inside["app"] if path.endswith(".pyc")}
    assert len(compiled) == len([path for path in inside["app"] if path.endswith(".py")])


def test_nothing_of_the_build_and_no_secret_is_left(inside: dict[str, Any], config: dict[str, Any]) -> None:
    assert inside["named"] == []
    assert not inside["secrets"]
    assert {entry.partition("=")[0] for entry in config["Env"]} <= {
        "PATH",
        "LANG",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
        "TMPDIR",
        "WORKER_METRICS_PORT",
        # The official base says which Python it is.
        "PYTHON_VERSION",
        "PYTHON_SHA256",
        "GPG_KEY",
    }


def test_the_bill_of_materials_names_what_is_there(image: Image, inside: dict[str, Any]) -> None:
    there = {
        f"{canonicalize_name(name)}=={version}"
        for name, version in (package.split("==") for package in inside["packages"])
    }
    [product] = [each for each in products({}) if each.name == "rootnote-image"]
    components = bill_of(product)["components"]
    listed = {f"{component['name']}=={component['version']}" for component in components}
    # Debian's Python is an older patch release than the official one.
    extra = {"async-timeout"} if image.base.is_stand_in else set()
    assert {package for package in there if package.partition("==")[0] not in extra} == listed


def test_what_it_says_of_running_it(config: dict[str, Any]) -> None:
    assert config["User"] == f"{USER}:{USER}"
    assert config["Healthcheck"]["Test"] == ["CMD", *HEALTH]
    assert config["Cmd"][0] == "celery"
    assert not config.get("Entrypoint")
    assert config["StopSignal"] in {"SIGTERM", "15"}
    assert list(config["Volumes"]) == ["/tmp"]
