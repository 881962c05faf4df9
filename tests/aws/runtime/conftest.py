"""The built bundles as Lambda functions on this machine, on real PostgreSQL and Valkey."""

from __future__ import annotations

import contextlib
import statistics
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from core.domain.access import new_key
from infra.bundle.build import build
from infra.bundle.recipe import LIGHT, MIGRATE
from infra.bundle.target import Target
from infra.lambda_runtime import parts
from infra.lambda_runtime.function import Function
from tests.fakes.secrets_and_queues import FakeAws, running_aws

KEY = new_key()

Query = Callable[..., list[dict[str, Any]]]
Start = Callable[..., Function]

_cold_starts: dict[str, list[float]] = defaultdict(list)
"""Milliseconds of all starts, by handler: shown at the end, and judged by nobody."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its functions said."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Function):
                report.sections.append(("function", value.text()))
    return report


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    if missing := parts.missing_part():
        pytest.skip(missing)
    found: Target = request.getfixturevalue("native_target")
    return found


@pytest.fixture(scope="session")
def light(target: Target) -> Path:
    return build(LIGHT, target, say=print)


@pytest.fixture(scope="session")
def migrate_bundle(target: Target) -> Path:
    return build(MIGRATE, target, say=print)


@pytest.fixture(scope="session")
def runtime_folder(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runtime")


@pytest.fixture
def start(light: Path, runtime_folder: Path) -> Iterator[Start]:
    """Starts functions, and ends them with the test."""
    with contextlib.ExitStack() as running:

        def start(
            handler: str, environment: dict[str, str], *, bundle: Path = light, **options: Any
        ) -> Function:
            function = Function(bundle, handler, folder=runtime_folder, environment=environment, **options)
            running.callback(lambda: _cold_starts[handler].extend(function.init_milliseconds()))
            return running.enter_context(function)

        yield start


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for handler, found in sorted(_cold_starts.items()):
        terminalreporter.write_line(
            f"cold start of {handler}: median {statistics.median(found):.0f} ms of {len(found)}"
        )


@pytest.fixture
def query(database_url: str) -> Query:
    """Rows of a statement, straight from PostgreSQL."""

    def run(sql: str, *parameters: object) -> list[dict[str, Any]]:
        with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def environment(database_url: str, redis_url: str, query: Query) -> dict[str, str]:
    """What a deployment gives the API, but for secrets: a database with one key and one project."""
    query(
        "INSERT INTO api_keys (id, hash, scope) VALUES"
        " (gen_random_uuid(), encode(sha256(%s::bytea), 'hex'), 'admin')",
        KEY.encode(),
    )
    query("INSERT INTO projects (id, key) VALUES (gen_random_uuid(), 'shop')")
    return {
        "API_BASE_PATH": "",
        "AUTH": "required",
        "CORS_ORIGINS": "",
        "DATABASE_POOL_SIZE": "1",
        "DATABASE_URL": database_url,
        "DEPLOYMENT": "test",
        "LOG_LEVEL": "INFO",
        "NEXT_PUBLIC_SHOW_AI_META": "true",
        "REDIS_URL": redis_url,
    }


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with running_aws() as fake:
        yield fake


@pytest.fixture
def api(start: Start, environment: dict[str, str]) -> Function:
    return start("handlers.api.handler", environment)
