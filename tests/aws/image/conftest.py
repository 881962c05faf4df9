"""The worker's image, built once for all tests of this folder, and what its containers talk to."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from infra.containers.__main__ import FOLDER
from infra.containers.engine import Engine, find_engine
from infra.containers.errors import Unavailable
from infra.containers.image import Image, build_worker, inspect
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.aws.image.containers import locked_down
from tests.aws.image.fargate import Fargate
from tests.conftest import ROOT, migrated_database
from tests.e2e.stack import Stack
from tests.fakes.running import ModelServer, running_model_server

OPENAI_KEY = "sk-image-openai-key-7d02b4"
_LOOK_SECONDS = 120.0

_LOOK = Path(__file__).with_name("look.py").read_text()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its containers and programs said."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Fargate):
                report.sections += [(c.name, c.logs()[-8_000:]) for c in value.containers]
                report.sections.append(("programs", value.stack.logs()))
    return report


@pytest.fixture(scope="session")
def engine() -> Engine:
    try:
        return find_engine(FOLDER)
    except Unavailable as lacking:
        pytest.skip(str(lacking))


@pytest.fixture(scope="session")
def image(engine: Engine) -> Image:
    said: list[str] = []
    try:
        return build_worker(engine, ROOT, say=said.append)
    except Unavailable as lacking:
        pytest.skip(str(lacking))


@pytest.fixture(scope="session")
def config(engine: Engine, image: Image) -> dict[str, Any]:
    """What the Dockerfile says of running it, as `docker inspect` has it."""
    told = inspect(engine, image.tag)
    # podman has the health check beside it.
    return {"Healthcheck": told.get("Healthcheck"), **told["Config"]}


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a figure for whoever reads the tests' output."""

    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}")

    return tell


@pytest.fixture(scope="session")
def inside(engine: Engine, image: Image) -> dict[str, Any]:
    """What a locked-down container of it sees."""
    options = locked_down(engine)
    argv = ("run", "--rm", "--no-healthcheck", *options, image.tag, "python", "-I", "-c", _LOOK)
    seen: dict[str, Any] = json.loads(engine.call(*argv, seconds=_LOOK_SECONDS))
    return seen


@pytest.fixture(scope="package")
def running_models() -> Iterator[ModelServer]:
    with running_model_server() as server:
        yield server


@pytest.fixture(scope="module")
def fargate(
    engine: Engine,
    image: Image,
    config: dict[str, Any],
    inside: dict[str, Any],
    running_models: ModelServer,
    postgres: PostgresServer,
    valkey: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Fargate]:
    name = request.module.__name__.rpartition(".")[2]
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    folder = tmp_path_factory.mktemp(name)
    database_url = migrated_database(postgres, f"image_{name}")
    stack = Stack(folder, database_url=database_url, redis_url=valkey.url)
    settings = {
        "LOG_LEVEL": "INFO",
        "DATABASE_URL": stack.database_url,
        "DATABASE_POOL_SIZE": "2",
        "REDIS_URL": valkey.url,
        "OPENAI_API_KEY": OPENAI_KEY,
        "OPENAI_BASE_URL": running_models.openai_base_url,
        "OPENAI_MODEL": "gpt-6-luna",
        "GEMINI_MODEL": "gemini-3.5-flash-lite",
        "OFFLINE_ANALYSER": "false",
        "ENABLE_STI": "true",
        "JOBS_PER_PROCESS": "32",
        "SHUTDOWN_GRACE": "90",
        "DRAFT_DAYS": "90",
        "EVENT_DAYS": "90",
        "JOB_DAYS": "90",
        "LEDGER_DAYS": "400",
    }
    # A VOLUME in the image has Fargate give the folder for that very path the owner of there.
    uid, gid = inside["tmp"] if "/tmp" in (config.get("Volumes") or {}) else (0, 0)
    with ExitStack() as running:
        running.callback(stack.__exit__)
        stack.launch("api")
        yield Fargate(
            engine=engine,
            image=image,
            stack=stack,
            settings=settings,
            owner=(uid, gid),
            new_folder=lambda: tmp_path_factory.mktemp("volume"),
            running=running,
        )


@pytest.fixture
def models(running_models: ModelServer) -> ModelServer:
    """The fake models, well and with no calls."""
    running_models.reset()
    return running_models
