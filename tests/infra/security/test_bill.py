"""Bills of materials: what is in them, that they do not change by themselves, and that they are CycloneDX."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from infra.bundle.recipe import LIGHT
from infra.security.__main__ import main
from infra.security.bill import Json, Product, bill_of, text_of
from infra.security.locks import ROOT
from infra.security.products import products
from infra.security.tools import AUDIT_PROGRAMS

LOCK = """\
fastapi==0.165.0 \\
    --hash=sha256:{a}
    # via -r requirements/lambda.in
pydantic==2.14.3 ; python_full_version < '3.12' \\
    --hash=sha256:{b} \\
    --hash=sha256:{a}
    # via
    #   -r requirements/lambda.in
    #   fastapi
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{a}
    # via fastapi
uvloop==9.9.9 ; platform_machine == 'aarch64' \\
    --hash=sha256:{a}
    # via fastapi
""".format(a="a" * 64, b="b" * 64)

needs_the_schema = pytest.mark.skipif(
    not (AUDIT_PROGRAMS / "python").exists(),
    reason="CycloneDX's library is not installed: `make .venv-audit/.ready` does it",
)


@pytest.fixture
def product(tmp_path: Path) -> Product:
    lock = tmp_path / "lambda.txt"
    lock.write_text(LOCK)
    return Product(
        name="rootnote-bundle-light",
        description="",
        lock=lock,
        python="3.11",
        machine="aarch64",
        own_files=(Path("core/errors.py"), Path("handlers/api.py")),
    )


def names(bill: Json) -> list[str]:
    return [component["purl"] for component in bill["components"]]


def test_what_the_target_installs_is_in_it(product: Product) -> None:
    fastapi, pydantic, uvloop = (
        "pkg:pypi/fastapi@0.165.0",
        "pkg:pypi/pydantic@2.14.3",
        "pkg:pypi/uvloop@9.9.9",
    )
    assert names(bill_of(product)) == [fastapi, pydantic, uvloop]
    assert names(bill_of(replace(product, machine="x86_64"))) == [fastapi, pydantic]
    assert names(bill_of(replace(product, python="3.12"))) == [fastapi, uvloop]


def test_a_component_has_its_files_hashes_and_its_licence(product: Product) -> None:
    _, pydantic, uvloop = bill_of(product)["components"]
    [files] = pydantic["externalReferences"]
    assert [each["content"] for each in files["hashes"]] == ["b" * 64, "a" * 64]
    assert pydantic["licenses"] == [{"expression": "MIT"}]
    # Another version is installed here, and that one's licence may be another.
    assert "licenses" not in uvloop


def test_who_needs_whom_follows_from_the_lock(product: Product) -> None:
    needs = {each["ref"]: each["dependsOn"] for each in bill_of(product)["dependencies"]}
    assert needs == {
        "rootnote-bundle-light": ["pkg:pypi/fastapi@0.165.0", "pkg:pypi/pydantic@2.14.3"],
        "pkg:pypi/fastapi@0.165.0": ["pkg:pypi/pydantic@2.14.3", "pkg:pypi/uvloop@9.9.9"],
        "pkg:pypi/pydantic@2.14.3": [],
        "pkg:pypi/uvloop@9.9.9": [],
    }


def test_the_same_content_gives_the_same_bytes_and_another_one_another_number(product: Product) -> None:
    text = text_of(bill_of(product))
    assert text == text_of(bill_of(product))
    assert not re.search(r"20\d\d-\d\d-\d\d", text)
    others = (
        replace(product, own_files=product.own_files[:1]),
        replace(product, python="3.12"),
        replace(product, name="rootnote-image"),
    )
    numbers = {json.loads(text)["serialNumber"], *(bill_of(other)["serialNumber"] for other in others)}
    assert len(numbers) == 1 + len(others)


def test_there_is_one_for_everything_that_is_deployed() -> None:
    found = {each.name: each for each in products({"PYTHON_VERSION": "3.12", "ARCH": "arm64"})}
    assert set(found) == {"rootnote-bundle-light", "rootnote-bundle-migrate", "rootnote-image"}
    light, image = found["rootnote-bundle-light"], found["rootnote-image"]
    assert (light.python, light.machine, light.lock) == ("3.12", "aarch64", LIGHT.lock)
    assert (image.python, image.machine, image.lock) == ("3.11", None, ROOT / "requirements.txt")
    assert {path.parts[0] for path in image.own_files} == {"alembic.ini", "core", "handlers", "worker"}
    assert not {path.suffix for path in image.own_files} & {".pyc"}


@needs_the_schema
def test_the_command_writes_valid_cyclonedx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCH", raising=False)
    monkeypatch.delenv("PYTHON_VERSION", raising=False)
    assert main(["sbom", "--to", str(tmp_path)]) == 0
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [
        "rootnote-bundle-light.cdx.json",
        "rootnote-bundle-migrate.cdx.json",
        "rootnote-image.cdx.json",
    ]


@needs_the_schema
def test_what_is_not_cyclonedx_is_refused(tmp_path: Path, product: Product) -> None:
    file = tmp_path / "bill.json"
    file.write_text(text_of(bill_of(product)).replace('"SHA-256"', '"SHA-0"'))
    checker = ROOT / "infra" / "security" / "schema_check.py"
    done = subprocess.run(
        [AUDIT_PROGRAMS / "python", "-I", checker, file],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "SHA-0" in done.stderr
