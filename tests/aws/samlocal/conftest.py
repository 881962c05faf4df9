"""`sam local` on the tests' PostgreSQL and Valkey, so that the checkout's own data are left alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from infra.bundle.target import Target
from infra.containers.engine import Engine, find_engine
from infra.containers.errors import Unavailable
from infra.local.errors import LocalError
from infra.local.preflight import prepare_folder
from infra.local.process import locked
from infra.samlocal.engines import prepared
from infra.samlocal.image import find_image
from infra.samlocal.places import Places
from tests.aws.samlocal.running import SamLocal
from tests.conftest import ROOT

PLACES = Places(root=ROOT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the command said."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, SamLocal):
                report.sections.append(("sam-local", value.program.text()[-20_000:]))
    return report


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    if not PLACES.sam.exists():
        pytest.skip("there is no SAM CLI: make .venv-sam/.ready")
    found: Target = request.getfixturevalue("native_target")
    return found


@pytest.fixture(scope="session")
def engine(target: Target) -> Engine:
    """With an image for Lambda, so that what this machine lacks is known before anything starts."""
    try:
        prepare_folder(PLACES.local)
        with locked(PLACES.local / "run.lock", busy="something else runs in this checkout: make run?"):
            engine = find_engine(PLACES.containers)
            with prepared(engine, PLACES.containers):
                pass
            find_image(engine, target, ROOT / "requirements/dev.txt", print)
    except Unavailable as lacking:
        pytest.skip(str(lacking))
    except LocalError as busy:
        pytest.skip(str(busy))
    return engine


@pytest.fixture
def env(engine: Engine, database_url: str, redis_url: str) -> dict[str, str]:
    """No model is asked, whatever a developer's .env has."""
    keyless = {"OPENAI_API_KEY": "", "GEMINI_API_KEY": "", "OFFLINE_ANALYSER": "true"}
    return {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url, **keyless}


@pytest.fixture
def sam_local(env: dict[str, str], tmp_path: Path) -> Generator[SamLocal]:
    with SamLocal(tmp_path, env) as running:
        yield running


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a hop for whoever reads the tests' output."""

    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}")

    return tell
