"""Stacks of real processes: one that the tests of this folder share, and the logs of any that fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
import redis

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrated_database
from tests.e2e.projects import ANSWER
from tests.e2e.stack import Stack
from tests.fakes.running import ModelServer, running_model_server

OPENAI_KEY = "sk-e2e-openai-key-c81f6e"
GEMINI_KEY = "e2e-gemini-key-09be7d"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its processes said."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Stack):
                report.sections.append(("logs", value.logs()))
    return report


@pytest.fixture(scope="package")
def running_stack(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    database_url = migrated_database(postgres, "e2e")
    folder = tmp_path_factory.mktemp("stack")
    with Stack(folder, database_url=database_url, redis_url=valkey.url) as stack:
        yield stack


@pytest.fixture
def stack(running_stack: Stack) -> Stack:
    """The shared stack, with a worker that has no model and answers by rules."""
    running_stack.use_worker({})
    return running_stack


@pytest.fixture(scope="package")
def running_models() -> Iterator[ModelServer]:
    with running_model_server() as server:
        yield server


@pytest.fixture
def models(running_models: ModelServer) -> ModelServer:
    """Both fake models, well and with no calls."""
    running_models.reset()
    return running_models


@pytest.fixture
def model_settings(models: ModelServer) -> dict[str, str]:
    """What a worker needs to ask the fakes, and nobody but them."""
    return {
        "OPENAI_API_KEY": OPENAI_KEY,
        "OPENAI_BASE_URL": models.openai_base_url,
        "GEMINI_API_KEY": GEMINI_KEY,
        "GEMINI_BASE_URL": models.gemini_base_url,
        "OFFLINE_ANALYSER": "false",
        "LLM_CALL_TIMEOUT": "2",
    }


@pytest.fixture
def modelled(running_stack: Stack, model_settings: dict[str, str]) -> Stack:
    """The shared stack, with a worker that asks both fake models."""
    running_stack.use_worker(model_settings)
    return running_stack


@pytest.fixture
def describing(models: ModelServer) -> ModelServer:
    """Both fake models, well, and answering what a metadata prompt asks for."""
    for provider in ("openai", "gemini"):
        models.answer(provider, ANSWER)
    return models


@pytest.fixture
def unlimited(model_settings: dict[str, str]) -> dict[str, str]:
    """A worker that asks both fake models for metadata as fast as it can."""
    return model_settings | {"METADATA_RATE": ""}


@pytest.fixture
def described(running_stack: Stack, describing: ModelServer, unlimited: dict[str, str]) -> Stack:
    """The shared stack, with such a worker."""
    running_stack.use_worker(unlimited)
    return running_stack
