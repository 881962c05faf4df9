"""The Lambda that migrates: real PostgreSQL, and a real URL to answer at."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from core.store import health
from infra.local.postgres import PostgresServer
from tests.conftest import ROOT
from tests.fakes.response_url import SIGNATURE, ResponseUrl, response_url
from tests.fakes.secrets_and_queues import running_aws

LOCK = 7_236_412_905
"""As in core/store/migrations/env.py, which only alembic can load."""
PASSWORD = "p@ss/w%rd&hunter2"
ENCODED = "p%40ss%2Fw%25rd%26hunter2"
DATA = {"Revision": health.HEAD}

_INVOKE = """
import json, sys, time
class Context:
    def __init__(self, seconds):
        self.until = time.monotonic() + seconds
    def get_remaining_time_in_millis(self):
        return int(max(0, self.until - time.monotonic()) * 1000)
from handlers.migrate import handler
for seconds, event in json.load(sys.stdin):
    try:
        print("ANSWER " + json.dumps(handler(event, Context(seconds))))
    except Exception as exc:
        print("RAISED " + json.dumps([type(exc).__name__, str(exc)]))
"""

_numbers = itertools.count()


@pytest.fixture
def cloudformation() -> Iterator[ResponseUrl]:
    with response_url() as stand_in:
        yield stand_in


@pytest.fixture
def empty_url(postgres: PostgresServer) -> str:
    """A database without a table, reached with a password, which it does not ask for."""
    url = postgres.create_database(f"empty_{next(_numbers)}")
    return url.replace("rootnote@", f"rootnote:{ENCODED}@")


def request(cloudformation: ResponseUrl, kind: str = "Create") -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": cloudformation.url,
        "StackId": "arn:aws:cloudformation:eu-central-1:000000000000:stack/rootnote/1",
        "RequestId": "r-1",
        "LogicalResourceId": "Migration",
        "ResourceProperties": {"Version": "1"},
    }


class Function:
    """A cold process that is invoked with each event in turn, and then has no secret in its log."""

    def __init__(
        self,
        url: str,
        *events: dict[str, Any],
        seconds: float = 60,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = ""
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _INVOKE],
            cwd=ROOT,
            env={"PATH": "", "DATABASE_URL": url, "LOG_LEVEL": "DEBUG", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([[seconds, event] for event in events]))
        self._process.stdin.close()

    def answers(self) -> list[Any]:
        """What each invocation gave, or the name and text of what it raised."""
        assert self._process.stdout is not None
        with self._process:
            self.log = self._process.stdout.read()
            assert self._process.wait(60) == 0, self.log
        for secret in ("hunter2", PASSWORD, ENCODED, SIGNATURE):
            assert secret not in self.log
        lines = [line.partition(" ") for line in self.log.splitlines()]
        return [json.loads(rest) for word, _, rest in lines if word in {"ANSWER", "RAISED"}]


def revision(url: str) -> str | None:
    with psycopg.connect(url) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return row[0] if row else None


def execute(url: str, sql: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)


def set_revision(url: str, revision: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [revision])


@contextlib.contextmanager
def somebody_migrating(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield connection


def test_by_hand_an_empty_database_is_migrated_and_again_changes_nothing(empty_url: str) -> None:
    assert Function(empty_url, {}, {}).answers() == [{"Data": DATA}] * 2
    assert revision(empty_url) == health.HEAD


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_cloudformation_is_told_the_revision(empty_url: str, cloudformation: ResponseUrl, kind: str) -> None:
    assert Function(empty_url, request(cloudformation, kind)).answers() == [{}]
    answer = cloudformation.answer
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", DATA)
    assert answer["PhysicalResourceId"] == "rootnote-schema"
    assert revision(empty_url) == health.HEAD


def test_delete_leaves_the_database_alone(cloudformation: ResponseUrl) -> None:
    """It need not even be there: a stack that never came up is deleted too."""
    away = "postgresql://127.0.0.1:9/rootnote"
    assert Function(away, request(cloudformation, "Delete")).answers() == [{}]
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_two_at_once_take_turns(empty_url: str) -> None:
    with somebody_migrating(empty_url):
        both = [Function(empty_url, {}) for _ in range(2)]
        _wait_for_waiters(empty_url, 2)
    assert [function.answers() for function in both] == [[{"Data": DATA}]] * 2
    assert revision(empty_url) == health.HEAD


def _wait_for_waiters(url: str, number: int) -> None:
    until = time.monotonic() + 30
    waiting = 0
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < until and waiting < number:
            time.sleep(0.05)
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event = 'advisory'"
            ).fetchone()
            waiting = row[0] if row else 0
    assert waiting == number


def test_code_that_is_rolled_back_leaves_a_newer_schema_alone(
    database_url: str, cloudformation: ResponseUrl
) -> None:
    set_revision(database_url, "0999")
    answers = Function(database_url, request(cloudformation, "Update"), {}).answers()
    assert answers == [{}, {"Data": {"Revision": "0999"}}]
    answer = cloudformation.answer
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Revision": "0999"})
    assert "newer than this code knows" in answer["Reason"]
    assert revision(database_url) == "0999"


def test_newer_code_that_migrates_meanwhile_is_no_failure(database_url: str) -> None:
    set_revision(database_url, "0001")
    with somebody_migrating(database_url) as newer:
        older = Function(database_url, {})
        _wait_for_waiters(database_url, 1)
        newer.execute("UPDATE alembic_version SET version_num = '0999'")
    assert older.answers() == [{"Data": {"Revision": "0999"}}]


@pytest.mark.parametrize("unknown", ["0000", "1a2b3c4d5e6f"])
def test_a_revision_that_is_unknown_and_not_newer_is_a_failure(
    database_url: str, cloudformation: ResponseUrl, unknown: str
) -> None:
    """Such as another branch's: this code's tables may be missing, so it must not roll out."""
    set_revision(database_url, unknown)
    Function(database_url, request(cloudformation, "Update")).answers()
    answer = cloudformation.answer
    assert answer["Status"] == "FAILED"
    assert f"the database is at {unknown}" in answer["Reason"]


def test_a_migration_that_fails_changes_nothing_and_says_why(
    empty_url: str, cloudformation: ResponseUrl
) -> None:
    execute(empty_url, "CREATE TABLE jobs (id int)")
    [_, raised] = Function(empty_url, request(cloudformation), {}).answers()
    answer = cloudformation.answer
    assert (answer["Status"], answer["Data"]) == ("FAILED", {})
    assert answer["Reason"] == 'relation "jobs" already exists'
    assert raised == ["MigrationFailed", 'relation "jobs" already exists']
    assert revision(empty_url) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"postgresql://rootnote:{ENCODED}@127.0.0.1:9/rootnote", "PostgreSQL cannot be reached: connection"),
        (
            f"postgresql://rootnote:{ENCODED}@127.0.0.1:9/rootnote?sslmode=what",
            "PostgreSQL cannot be reached",
        ),
        ("postgresql://rootnote@127.0.0.1:hunter2/rootnote", "not a PostgreSQL URL"),
        ("", "DATABASE_URL"),
    ],
)
def test_a_database_that_is_not_there_is_waited_for_and_then_said(
    cloudformation: ResponseUrl, url: str, reason: str
) -> None:
    Function(url, request(cloudformation), seconds=9).answers()
    assert cloudformation.answer["Status"] == "FAILED"
    assert reason in cloudformation.answer["Reason"]
    assert "hunter2" not in cloudformation.answer["Reason"]


def test_a_database_that_is_still_starting_is_waited_for(postgres: PostgresServer, empty_url: str) -> None:
    def let_in(allowed: bool) -> None:
        sql = SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(sql.format(Identifier(empty_url.rpartition("/")[2]), Literal(allowed)))

    let_in(False)
    function = Function(empty_url, {})
    time.sleep(3)
    let_in(True)
    assert function.answers() == [{"Data": DATA}]
    assert "PostgreSQL does not answer yet" in function.log


def test_a_server_that_accepts_and_never_answers_keeps_nobody_waiting(cloudformation: ResponseUrl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/rootnote"
        Function(url, request(cloudformation), seconds=4).answers()
    assert cloudformation.answer["Status"] == "FAILED"
    assert "time ran short" in cloudformation.answer["Reason"]


def test_a_migration_that_takes_too_long_is_stopped_and_answered(
    empty_url: str, cloudformation: ResponseUrl
) -> None:
    with somebody_migrating(empty_url) as other:
        Function(empty_url, request(cloudformation), seconds=12).answers()
        answer = cloudformation.answer
        assert answer["Status"] == "FAILED"
        assert answer["Reason"] == "no time was left; it was stopped, and nothing is changed"
        row = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rootnote-migrate'"
            " AND datname = current_database()"
        ).fetchone()
        assert row == (0,)
    assert revision(empty_url) is None


def test_a_password_from_secrets_manager_is_in_no_log(empty_url: str, cloudformation: ResponseUrl) -> None:
    with running_aws() as aws:
        aws.secrets["database"] = {"username": "rootnote", "password": PASSWORD}
        bare = empty_url.replace(f"rootnote:{ENCODED}@", "")
        function = Function(
            bare, request(cloudformation), environment={**aws.environment, "DATABASE_SECRET": "database"}
        )
        assert function.answers() == [{}]
        assert aws.reads
    assert cloudformation.answer["Data"] == DATA


def test_a_secret_that_cannot_be_read_is_a_failure(empty_url: str, cloudformation: ResponseUrl) -> None:
    with running_aws() as aws:
        environment = {**aws.environment, "DATABASE_SECRET": "none"}
        Function(empty_url, request(cloudformation), environment=environment).answers()
    assert cloudformation.answer["Status"] == "FAILED"
    assert "Secrets Manager" in cloudformation.answer["Reason"]
