"""Every function of a deployment loads and answers, from the bundle that it is deployed with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.aws.runtime.conftest import Query, Start
from tests.aws.runtime.events import error, post
from tests.fakes.secrets_and_queues import FakeAws


def test_an_event_waits_for_postgresql_in_the_buffer(
    start: Start, environment: dict[str, str], aws: FakeAws, query: Query
) -> None:
    """Two functions and a queue: one cannot reach PostgreSQL, the other can."""
    buffer, dead = aws.queue_url("buffer"), aws.queue_url("dead")
    given = environment | aws.environment
    away = given | {"DATABASE_URL": "postgresql://127.0.0.1:9/rootnote", "EVENT_BUFFER_URL": buffer}
    assert post(start("handlers.api.handler", away), error(message="kept")).status == 202
    [waiting] = aws.queues[buffer]
    storing = start("handlers.buffered_events.handler", given | {"EVENT_BUFFER_DEAD_LETTER_URL": dead})
    assert storing.invoke({"Records": [record(waiting["MessageBody"])]}) == {"batchItemFailures": []}
    assert query("SELECT payload->>'message' AS message FROM error_events") == [{"message": "kept"}]
    assert aws.queues[dead] == []


def record(body: str) -> dict[str, Any]:
    """A message of SQS as the event source mapping hands it on."""
    return {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:buffer",
        "awsRegion": "eu-central-1",
    }


def test_the_backlog_is_measured(start: Start, environment: dict[str, str]) -> None:
    assert post(start("handlers.api.handler", environment), error()).status == 202
    measuring = start(
        "handlers.backlog_metric.handler", environment | {"WORKER_CONCURRENCY": "2", "JOBS_PER_PROCESS": "32"}
    )
    assert measuring.invoke({})["backlog"] == 1
    assert '"Deployment":"test"' in measuring.text().replace(" ", "")


def test_a_new_database_is_migrated(
    start: Start, environment: dict[str, str], migrate_bundle: Path, query: Query
) -> None:
    [known] = query("SELECT version_num FROM alembic_version")
    query("DROP SCHEMA public CASCADE")
    query("CREATE SCHEMA public")
    given = {name: environment[name] for name in ("DATABASE_URL", "LOG_LEVEL")}
    function = start("handlers.migrate.handler", given, bundle=migrate_bundle, timeout=60)
    for _ in range(2):
        assert function.invoke({}) == {"Data": {"Revision": known["version_num"]}}
    assert query("SELECT version_num FROM alembic_version") == [known]
    assert query("SELECT id FROM error_events") == []
