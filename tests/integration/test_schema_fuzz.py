"""schemathesis, seeded and short: no request that the OpenAPI document can describe, or almost, gives a 500,
an answer that is not documented, or costs much. `make fuzz` goes on for longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.api_process import ApiProcess, running_api
from tests.conftest import migrate
from tests.fuzz.schema import Caller, fuzz, make_callers

SEED = 20_261_122
FEW = 3
"""Cases an operation, for callers that most operations turn away."""
MANY = 10

_NAMES = ["admin", "revoking", "write", "read", "ingest", "project", "stranger", "nobody"]


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> str:
    url = postgres.create_database("schema_fuzz")
    migrate(url)
    return url


@pytest.fixture(scope="module")
def callers(database: str) -> dict[str, Caller]:
    return {caller.name: caller for caller in make_callers(database)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def guarded(database: str, valkey: ValkeyServer, folder: Path) -> Iterator[ApiProcess]:
    with running_api(folder, database_url=database, redis_url=valkey.url) as api:
        yield api


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", _NAMES)
def test_with_a_key_of_each_kind(
    guarded: ApiProcess, callers: dict[str, Caller], folder: Path, name: str
) -> None:
    done = fuzz(guarded, callers[name], folder, seed=SEED, examples=MANY if name == "admin" else FEW)
    assert done.returncode == 0, done.stdout + done.stderr
    assert guarded.problems_logged() == []


@pytest.mark.timeout(300)
def test_without_a_key_where_none_is_asked_for(
    database: str, valkey: ValkeyServer, callers: dict[str, Caller], folder: Path
) -> None:
    with running_api(folder, database_url=database, redis_url=valkey.url, AUTH="off") as api:
        done = fuzz(api, callers["nobody"], folder, seed=SEED, examples=FEW, is_open=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert api.problems_logged() == []
