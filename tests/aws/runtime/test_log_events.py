"""The log handler as a deployed function, fed with what deployed functions print."""

from __future__ import annotations

from typing import Any

import pytest

from infra.lambda_runtime.function import Function
from tests.aws.runtime.conftest import Query, Start
from tests.fakes.cloudwatch_logs import payload

AWAY = "postgresql://127.0.0.1:9/rootnote"


@pytest.fixture
def log_environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"LOG_PROJECT_KEY": "", "OWN_LOG_GROUPS": "/rootnote/test/"}


@pytest.fixture
def log_events(start: Start, log_environment: dict[str, str]) -> Function:
    return start("handlers.log_events.handler", log_environment)


def test_an_error_is_stored_once(log_events: Function, query: Query) -> None:
    event = payload("[ERROR]\t2026-01-15T12:00:00.123Z\t8f507cfc-4a1b-4697-b07a-ac58fc914c95\tcannot pay\n")

    assert [log_events.invoke(event) for _ in range(2)] == [None, None]
    assert query("SELECT payload->>'message' AS message FROM error_events") == [{"message": "cannot pay"}]
    assert '"LogErrorsStored":[1.0]' in log_events.text()


def test_own_log_groups_are_refused(log_events: Function, query: Query) -> None:
    assert log_events.invoke(payload("ERROR x", log_group="/rootnote/test/api")) is None
    assert query("SELECT count(*) AS n FROM error_events") == [{"n": 0}]


def test_what_a_function_prints_when_it_fails_is_an_event(
    start: Start, log_environment: dict[str, str], log_events: Function, query: Query
) -> None:
    """One function cannot reach PostgreSQL; another reads of it."""
    failing = start("handlers.log_events.handler", log_environment | {"DATABASE_URL": AWAY}, timeout=10)
    answer: Any = failing.invoke(payload("ERROR x"))
    assert answer["errorType"] == "StoreUnavailable"

    assert log_events.invoke(payload(*failing.text().split("\n"))) is None

    [row] = query("SELECT payload FROM error_events WHERE payload->>'message' LIKE 'StoreUnavailable: %%'")
    assert 'handlers/log_events.py", line' in row["payload"]["stack"]
    assert row["payload"]["stack"].endswith(row["payload"]["message"])
