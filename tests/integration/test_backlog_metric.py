"""The figures that a deployment is scaled by, from real tables, and as CloudWatch reads them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from uuid_utils.compat import uuid7

from core.domain.ids import first_id_at
from core.operations import backlog_metric
from core.queue.names import AI_ANALYSIS, MAINTENANCE, METADATA_GENERATION
from core.store.backlog_metric import FIGURES, measure
from core.store.database import Connection, Database
from handlers.wiring import Deps
from tests import emf
from tests.conftest import ROOT
from tests.integration.conftest import Query

ZERO = {"jobs": 0, "oldest_due_seconds": 0.0, "mean_job_seconds": None, "failed_jobs": 0}
AddJob = Callable[..., None]


@pytest.fixture
def project(query: Query) -> UUID:
    id_ = uuid4()
    query("INSERT INTO projects (id, key) VALUES (%s, 'test')", id_)
    return id_


@pytest.fixture
def add_job(query: Query, project: UUID) -> AddJob:
    def add(
        state: str,
        *,
        kind: str = "analyse_group",
        due: float = 0,
        reason: str | None = None,
        lease: float | None = None,
    ) -> None:
        """`due` and `lease` in seconds from now."""
        query(
            "INSERT INTO jobs (id, kind, subject_id, version, project_id, state, reason, due_at, lease_until)"
            " VALUES (%s, %s, %s, '1', %s, %s, %s, now() + %s, now() + %s)",
            uuid4(),
            kind,
            uuid4(),
            project,
            state,
            reason,
            timedelta(seconds=due),
            None if lease is None else timedelta(seconds=lease),
        )

    return add


def add_call(query: Query, project: UUID, job: UUID, milliseconds: int, *, minutes_ago: float = 1) -> None:
    query(
        "INSERT INTO llm_calls (id, job_id, project_id, provider, model, prompt_tokens, cached_tokens,"
        " completion_tokens, latency_ms, outcome) VALUES (%s, %s, %s, 'openai', 'm', 1, 0, 1, %s, 'ok')",
        uuid7(nanoseconds=int((time.time() - minutes_ago * 60) * 1e9)),
        job,
        project,
        milliseconds,
    )


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ([], {}),
        ([("done", {})] * 3, {}),
        ([("queued", {"due": -30}), ("queued", {"due": -90})], {"jobs": 2, "oldest_due_seconds": 90.0}),
        (
            [("queued", {"due": -5, "kind": "generate_metadata"}), ("queued", {"due": -3})],
            {"jobs": 2, "oldest_due_seconds": 5.0},
        ),
        ([("queued", {"due": 60})], {}),
        ([("queued", {"due": 600}), ("queued", {"due": -4})], {"jobs": 1, "oldest_due_seconds": 4.0}),
        ([("running", {"due": -500, "lease": 20})], {"jobs": 1}),
        ([("running", {"due": -500, "lease": -5})], {"jobs": 1}),
        (
            [("running", {"lease": 20}), ("queued", {"due": -7}), ("queued", {"due": 7})],
            {"jobs": 2, "oldest_due_seconds": 7.0},
        ),
        ([("skipped", {"due": -60, "reason": "budget"}), ("skipped", {"reason": "no text"})], {}),
        ([("failed", {"due": -9}), ("dead", {"due": -9}), ("dead", {})], {"failed_jobs": 3}),
    ],
)
async def test_situations(
    jobs: list[tuple[str, dict[str, Any]]],
    expected: dict[str, Any],
    add_job: AddJob,
    database: Database,
) -> None:
    for state, fields in jobs:
        add_job(state, **fields)
    found = await database.autocommit(lambda c: measure(c, calls_since=datetime.now(UTC)))
    wanted = ZERO | expected
    assert found.jobs == wanted["jobs"]
    # The database's own clock goes on between the two statements.
    assert found.oldest_due_seconds == pytest.approx(wanted["oldest_due_seconds"], abs=3)
    assert found.mean_job_seconds is wanted["mean_job_seconds"]
    assert found.failed_jobs == wanted["failed_jobs"]


async def test_seconds_of_a_job_are_those_of_all_its_calls_of_late(
    query: Query, project: UUID, add_job: AddJob, deps: Deps
) -> None:
    slow, quick, before = uuid4(), uuid4(), uuid4()
    for milliseconds in (20_000, 10_000):
        add_call(query, project, slow, milliseconds)
    add_call(query, project, quick, 6_000, minutes_ago=14)
    add_call(query, project, before, 900_000, minutes_ago=16)
    for _ in range(4):
        add_job("queued", due=-1)
    found = await backlog_metric.measure(
        database=deps.database, queue=deps.publisher, worker_places=2, now=datetime.now(UTC)
    )
    assert (found.backlog, found.job_seconds, found.backlog_seconds) == (4, 18.0, 36.0)


async def test_the_queues_of_jobs_are_counted_and_no_other(deps: Deps, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for queue, messages in ((AI_ANALYSIS, 3), (METADATA_GENERATION, 2), (MAINTENANCE, 5)):
            client.lpush(queue, *["message"] * messages)
    found = await backlog_metric.measure(
        database=deps.database, queue=deps.publisher, worker_places=2, now=datetime.now(UTC)
    )
    assert found.queue_depth == 5


_DONE_JOBS = """
INSERT INTO jobs (id, kind, subject_id, version, project_id, state, finished_at)
SELECT gen_random_uuid(), 'analyse_group', gen_random_uuid(), '1', (SELECT id FROM projects), 'done',
       now() - n * interval '1 second' FROM generate_series(1, 50000) AS n
"""
_CALLS = """
INSERT INTO llm_calls (id, job_id, project_id, provider, model, prompt_tokens, cached_tokens,
                       completion_tokens, latency_ms, outcome)
SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - n * 250), 12, '0')
        || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
       ('00000000-0000-4000-8000-' || lpad(to_hex(n / 4), 12, '0'))::uuid,
       (SELECT id FROM projects), 'openai', 'm', 1, 0, 1, 900, 'ok' FROM generate_series(1, 200000) AS n
"""
"""Four a second, in the last fourteen hours."""


async def test_long_tables_are_not_read_through(query: Query, add_job: AddJob, database: Database) -> None:
    for state in ("queued", "running", "failed", "dead"):
        add_job(state, due=-5)
    for statement in (_DONE_JOBS, _CALLS, "ANALYZE jobs, llm_calls"):
        query(statement)
    since = datetime.now(UTC) - timedelta(minutes=15)

    async def often(connection: Connection) -> tuple[Any, list[tuple[str, int]]]:
        explained = await connection.execute(
            f"EXPLAIN (FORMAT JSON) {FIGURES}",
            {"first_call": first_id_at(since)},
        )
        plan = (await explained.fetchone() or [None])[0]
        # A warm process prepares the statement, and PostgreSQL may then plan it without its values.
        for _ in range(12):
            found = await measure(connection, calls_since=since)
            assert (found.jobs, found.failed_jobs, found.mean_job_seconds is None) == (2, 2, False)
        read_through = await connection.execute(
            "SELECT relname, seq_scan FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('jobs', 'llm_calls') AND seq_scan > 0"
        )
        return plan, await read_through.fetchall()

    plan, read_through = await database.serial(often)
    nodes = list(_nodes(plan[0]["Plan"]))
    assert "pk_llm_calls" in {node.get("Index Name") for node in nodes}
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert read_through == []


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)


_INVOKE = """
import sys
from handlers.backlog_metric import handler
for line in sys.stdin:
    try:
        handler({}, None)
    except Exception as exc:
        print("RAISED", type(exc).__name__)
    print("END", flush=True)
"""


@contextmanager
def lambda_process(**environment: str) -> Iterator[Callable[[], list[str]]]:
    """A warm function; each call invokes it, and gives what it wrote to stdout."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _INVOKE],
        cwd=ROOT,
        env={"PATH": "", "DEPLOYMENT": "staging", "POWERTOOLS_SERVICE_NAME": "backlog_metric"} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def invoke() -> list[str]:
            stdin.write("\n")
            stdin.flush()
            return [line.strip() for line in iter(stdout.readline, "END\n") if line.strip()]

        yield invoke
        stdin.close()
        assert process.wait(20) == 0


def the_metric(lines: list[str]) -> str:
    """The one line of metrics among those of the log."""
    [line] = [line for line in lines if emf.is_emf(line)]
    assert emf.problems(line) == []
    assert json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Rootnote"
    assert emf.dimensions(line) == [{"Deployment": "staging"}]
    return line


def test_a_warm_function_writes_each_minutes_own_figures(
    database_url: str, redis_url: str, query: Query, project: UUID, add_job: AddJob
) -> None:
    with lambda_process(
        DATABASE_URL=database_url, REDIS_URL=redis_url, WORKER_CONCURRENCY="2", JOBS_PER_PROCESS="2"
    ) as invoke:
        assert emf.values(the_metric(invoke())) == {
            "Backlog": [0],
            "OldestDueSeconds": [0],
            "JobSeconds": [1],
            "BacklogSeconds": [0],
            "FailedJobs": [0],
            "QueueDepth": [0],
        }
        for state in ("queued", "running", "dead"):
            add_job(state, due=-60)
        add_call(query, project, uuid4(), 30_000)
        with redis.Redis.from_url(redis_url) as client:
            client.lpush(AI_ANALYSIS, "message")
        for _ in range(2):
            values = emf.values(the_metric(invoke()))
            [waited] = values.pop("OldestDueSeconds")
            assert 60 <= waited < 90
            assert values == {
                "Backlog": [2],
                "JobSeconds": [30],
                "BacklogSeconds": [15],
                "FailedJobs": [1],
                "QueueDepth": [1],
            }


def test_a_run_that_fails_leaves_nothing_for_the_next(
    database_url: str, redis_url: str, query: Query, add_job: AddJob
) -> None:
    add_job("queued")
    with lambda_process(DATABASE_URL=database_url, REDIS_URL=redis_url) as invoke:
        the_metric(invoke())
        query("ALTER TABLE llm_calls RENAME TO elsewhere")
        failed = invoke()
        assert failed[-1].startswith("RAISED")
        assert not any(emf.is_emf(line) for line in failed)
        query("ALTER TABLE elsewhere RENAME TO llm_calls")
        assert emf.values(the_metric(invoke()))["Backlog"] == [1]


def test_without_redis_all_but_the_depth_is_said(database_url: str, add_job: AddJob) -> None:
    add_job("queued")
    with lambda_process(DATABASE_URL=database_url, REDIS_URL="redis://127.0.0.1:9/0") as invoke:
        values = emf.values(the_metric(invoke()))
    assert values["Backlog"] == [1]
    assert "QueueDepth" not in values


def test_without_postgresql_it_fails_and_says_nothing_false(redis_url: str) -> None:
    away = "postgresql://127.0.0.1:9/rootnote"
    with lambda_process(DATABASE_URL=away, REDIS_URL=redis_url, DATABASE_TIMEOUT="1") as invoke:
        lines = invoke()
    assert lines[-1] == "RAISED StoreUnavailable"
    assert not any(emf.is_emf(line) for line in lines)


def test_the_namespace_is_powertools_own_variable(database_url: str, redis_url: str) -> None:
    with lambda_process(
        DATABASE_URL=database_url, REDIS_URL=redis_url, POWERTOOLS_METRICS_NAMESPACE="Elsewhere"
    ) as invoke:
        [line] = [line for line in invoke() if emf.is_emf(line)]
    assert json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Elsewhere"
