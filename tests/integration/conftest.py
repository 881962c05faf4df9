"""The app in this process, on real PostgreSQL and Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr

from core.settings import Auth, Settings
from handlers import wiring
from handlers.app import create_app
from tests.fakes.secrets_and_queues import FakeAws, running_aws

DEV_TOKEN = "a-development-token"

Query = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        auth=Auth.OFF,
        dev_token=SecretStr(DEV_TOKEN),
    )


@pytest.fixture
async def deps(settings: Settings) -> AsyncIterator[wiring.Deps]:
    deps = wiring.build(settings)
    yield deps
    await deps.aclose()


@pytest.fixture
async def client(deps: wiring.Deps) -> AsyncIterator[httpx2.AsyncClient]:
    """Speaks to the app as loopback would."""
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
def query(database_url: str) -> Query:
    """Rows of a SELECT, straight from PostgreSQL."""

    def run(sql: str, *parameters: object) -> list[dict[str, Any]]:
        with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    return run


def guide_event(**changes: object) -> dict[str, Any]:
    """The guide's first example, with changes; a field that is None is left out."""
    event: dict[str, Any] = {
        "project_key": "test",
        "message": "Server error",
        "method": "GET",
        "path": "/api/test",
        "status_code": 500,
        "timestamp": "2024-01-15T12:00:00Z",
    } | changes
    return {name: value for name, value in event.items() if value is not None}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """Secrets Manager and SQS, found by boto3 in this process."""
    with running_aws() as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        yield fake
