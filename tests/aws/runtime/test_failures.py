"""What goes wrong around a function: a database that is silent or gone, a crash, a time-out, a freeze."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
import pytest

from infra.lambda_runtime.function import Function
from tests.aws.runtime import gateway
from tests.aws.runtime.conftest import KEY, Query, Start
from tests.aws.runtime.events import EVENTS, error, post
from tests.aws.runtime.relay import Relay

_WAIT_SECONDS = 20.0


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    """Between the function and PostgreSQL."""
    parts = urlsplit(database_url)
    with Relay(parts.hostname or "", parts.port or 0) as relay:
        yield relay


@pytest.fixture
def relayed_api(start: Start, environment: dict[str, str], relay: Relay) -> Function:
    port = urlsplit(environment["DATABASE_URL"]).port
    url = environment["DATABASE_URL"].replace(f":{port}/", f":{relay.port}/")
    return start("handlers.api.handler", environment | {"DATABASE_URL": url}, timeout=15)


def test_a_database_that_accepts_and_never_answers(relayed_api: Function, relay: Relay) -> None:
    relay.fall_silent()
    refused = post(relayed_api, error())
    assert refused.status == 503
    assert refused.is_problem
    assert int(refused.headers["retry-after"]) > 0
    relay.heal()
    assert _until_stored(relayed_api, error()).status == 202


def test_a_connection_that_went_silent_while_frozen(
    relayed_api: Function, relay: Relay, query: Query
) -> None:
    """As after a failover: nobody says that the connection is gone."""
    assert post(relayed_api, error(event_id="before")).status == 202
    with frozen(relayed_api):
        relay.fall_silent()
    refused = post(relayed_api, error(event_id="after"))
    assert (refused.status, refused.is_problem) == (503, True)
    relay.heal()
    assert _until_stored(relayed_api, error(event_id="after")).status in {200, 202}
    assert _keys(query) == ["after", "before"]
    assert len(relayed_api.init_milliseconds()) == 1


def test_a_connection_that_was_closed_while_frozen(api: Function, query: Query) -> None:
    assert post(api, error(event_id="before")).status == 202
    with frozen(api):
        ended = query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'rootnote'"
        )
        assert ended
    assert post(api, error(event_id="after")).status == 202
    assert _keys(query) == ["after", "before"]


def test_a_crash_in_the_middle_of_an_invocation(
    api: Function, database_url: str, query: Query, redis_url: str
) -> None:
    assert post(api, error(event_id="answered")).status == 202
    with ingest_locked(database_url), ThreadPoolExecutor(1) as pool:
        lost = pool.submit(api.invoke, _event("lost"))
        _wait_for_lock(query)
        api.signal_runtime(signal.SIGKILL)
        assert lost.result()["errorType"] == "Runtime.ExitError"
    assert post(api, error(event_id="next")).status == 202
    # All of its transaction was on its way, so that PostgreSQL may have ended it without the function.
    assert {"answered", "next"} <= set(_keys(query))
    assert post(api, error(event_id="lost")).status in {200, 202}
    assert _keys(query) == ["answered", "lost", "next"]


def test_a_function_that_runs_into_its_time_out(
    start: Start, environment: dict[str, str], database_url: str, query: Query
) -> None:
    api = start("handlers.api.handler", environment, timeout=2)
    assert post(api, error(event_id="answered")).status == 202
    with ingest_locked(database_url):
        assert "timed out" in api.invoke(_event("lost"))
    assert post(api, error(event_id="next")).status == 202
    assert {"answered", "next"} <= set(_keys(query))


@contextlib.contextmanager
def frozen(function: Function) -> Iterator[None]:
    """As Lambda freezes an execution environment between two invocations."""
    function.signal_runtime(signal.SIGSTOP)
    yield
    function.signal_runtime(signal.SIGCONT)


@contextlib.contextmanager
def ingest_locked(database_url: str) -> Iterator[None]:
    """Whoever stores an event waits."""
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE error_events IN EXCLUSIVE MODE")
        yield


def _event(event_id: str) -> object:
    return gateway.request("POST", EVENTS, key=KEY, body=json.dumps(error(event_id=event_id)).encode())


def _keys(query: Query) -> list[str]:
    return [row["event_key"] for row in query("SELECT event_key FROM error_events ORDER BY event_key")]


def _wait_for_lock(query: Query) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not query("SELECT pid FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < deadline, "nobody waits for the lock"
        time.sleep(0.05)


def _until_stored(function: Function, event: dict[str, object]) -> gateway.Answer:
    """The first answer that is no 503."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while (answer := post(function, event)).status == 503 and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer
