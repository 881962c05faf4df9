"""The stack as it would be deployed: one event from HTTP to its analysis, and what happens when parts fail.

Each hop is printed (`pytest -s`). What LocalStack only pretends to run is in docs/aws.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest

from core.domain.access import hash_key, new_key
from core.processes import Process
from infra.bundle.target import Target
from infra.localstack import stack
from tests.aws.localstack.account import (
    FIRST_PASSWORD,
    Account,
    Servers,
)
from tests.aws.localstack.cloud import Cloud
from tests.e2e.program import Program, wait_until

# The first one builds the bundles, starts LocalStack and deploys.
pytestmark = pytest.mark.timeout(600)

KEY = new_key()
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}
LOGS = "/rootnote/local/"


@pytest.fixture(scope="module")
def account(
    cloud: Cloud, native_target: Target, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("account")
    servers = Servers(folder)
    try:
        servers.start()
        deployed = stack.deploy(
            cloud.deployer,
            native_target,
            folder,
            database_url=servers.database_url(password=FIRST_PASSWORD),
            redis_url=servers.redis_url(),
            say=print,
        )
        parameters = stack.parameters(native_target)
        account = Account(cloud=cloud, servers=servers, stack=deployed, parameters=parameters, folder=folder)
        account.query(
            "INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'admin')", uuid4(), hash_key(KEY)
        )
        account.query("INSERT INTO projects (id, key) VALUES (%s, 'shop')", uuid4())
        yield account
    finally:
        servers.stop()


@pytest.fixture(scope="module")
def workers(account: Account) -> Iterator[dict[Process, Program]]:
    programs: dict[Process, Program] = {}
    try:
        for process in (Process.WORKER, Process.MAINTENANCE, Process.BEAT):
            programs[process] = account.run(process)
        yield programs
    finally:
        for program in programs.values():
            program.kill()


def event(**changes: Any) -> dict[str, Any]:
    return {
        "project_key": "shop",
        "message": f"Checkout failed: {uuid4()}",
        "status_code": 500,
        "timestamp": datetime.now(UTC).isoformat(),
        "stack": "Traceback (most recent call last):\n  File \"/srv/pay.py\", line 41\nKeyError: 'cart'",
    } | changes


def post(account: Account, body: dict[str, Any]) -> httpx2.Response:
    return httpx2.post(f"{account.api}/api/v1/events", json=body, headers=AUTHORIZATION, timeout=60)


def said(hop: str, began: float) -> None:
    print(f"{time.monotonic() - began:6.2f} s  {hop}")


def test_an_event_goes_all_the_way(account: Account, workers: dict[Process, Program]) -> None:
    began = time.monotonic()
    answer = post(account, event())
    said(f"HTTP -> API Gateway -> Lambda api: {answer.status_code} {answer.text}", began)
    assert answer.status_code == 202, answer.text
    assert answer.json()["analysis"] == "queued"
    group_id = answer.json()["group_id"]

    [job] = account.query("SELECT state FROM jobs WHERE subject_id = %s", group_id)
    said(f"PostgreSQL: the event, its group, and a job that is {job['state']}", began)

    def analysis() -> dict[str, Any]:
        url = f"{account.api}/api/v1/events/{answer.json()['id']}"
        return httpx2.get(url, headers=AUTHORIZATION, timeout=60).json()["analysis"] or {}

    found = wait_until(analysis, 60, "the analysis through the API")
    said(f"Valkey -> Celery worker -> PostgreSQL -> API: {found['model']}", began)
    assert found["analysis_text"]
    assert "analyse_error_event" in workers[Process.WORKER].text()

    ready = httpx2.get(f"{account.api}/readyz", timeout=60)
    wait_until(
        lambda: httpx2.get(f"{account.api}/readyz", timeout=60).status_code == 200, 60, "all parts are well"
    )
    said(f"/readyz: {list(ready.json()['checks'])}", began)


def test_nobody_comes_in_without_a_key(account: Account) -> None:
    answer = httpx2.post(f"{account.api}/api/v1/events", json=event(), timeout=60)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert httpx2.get(f"{account.api}/healthz", timeout=60).status_code == 200


def test_the_schema_came_with_the_deployment(account: Account) -> None:
    """By the custom resource, which everything with new code waits for."""
    [row] = account.query("SELECT version_num FROM alembic_version")
    again = account.cloud.invoke(account.name_of("MigrateFunction"), {})
    assert again.value == {"Data": {"Revision": row["version_num"]}}


def test_events_of_an_outage_wait_in_the_queue(account: Account, workers: dict[Process, Program]) -> None:
    began = time.monotonic()
    buffer = account.stack.outputs["EventBufferQueueUrl"]
    # What failed comes again in seconds, not after three minutes.
    account.cloud.clients.sqs.set_queue_attributes(QueueUrl=buffer, Attributes={"VisibilityTimeout": "2"})
    account.servers.postgres.stop()
    try:
        waiting = event()
        answer = post(account, waiting)
        said(f"PostgreSQL stopped: {answer.status_code} {answer.text}", began)
        assert answer.json() == {"id": None, "group_id": None, "analysis": "deferred"}
        assert answer.status_code == 202
    finally:
        account.servers.postgres.start()

    def stored() -> list[dict[str, Any]]:
        return account.query(
            "SELECT a.model FROM error_events e JOIN error_analysis a ON a.error_event_id = e.id"
            " WHERE e.payload->>'message' = %s",
            waiting["message"],
        )

    [row] = wait_until(stored, 90, "the event that waited is stored and analysed")
    said(f"SQS -> Lambda buffered_events -> PostgreSQL -> worker: {row['model']}", began)

    dead = account.stack.outputs["EventBufferDeadLetterQueueUrl"]
    account.cloud.send(buffer, "this is no event of ours")
    assert account.cloud.messages(dead, seconds=60) == ["this is no event of ours"]
    said("what can never be stored is in the dead-letter queue", began)


def test_errors_come_out_of_log_groups(account: Account, workers: dict[Process, Program]) -> None:
    began = time.monotonic()
    group = "/aws/lambda/shop-checkout"
    logs = account.cloud.clients.logs
    logs.create_log_group(logGroupName=group)
    logs.put_subscription_filter(
        logGroupName=group,
        filterName="rootnote",
        filterPattern="",
        destinationArn=account.stack.outputs["LogEventsFunctionArn"],
    )
    marker = str(uuid4())
    account.cloud.log(
        group, "one", f"[ERROR] ValueError: {marker}\nTraceback (most recent call last):\n", "INFO ok"
    )

    def analysed() -> list[dict[str, Any]]:
        return account.query(
            "SELECT p.key, a.model FROM error_events e JOIN error_analysis a ON a.error_event_id = e.id"
            " JOIN projects p ON p.id = e.project_id WHERE e.payload::text LIKE %s",
            f"%{marker}%",
        )

    [row] = wait_until(analysed, 60, "the log line is an analysed event")
    assert row["key"] == "shop-checkout"
    said(f"CloudWatch Logs -> Lambda log_events -> project {row['key']}: {row['model']}", began)

    failed = account.stack.outputs.get("LogEventsFailedQueueUrl") or account.stack.physical_id(
        "LogEventsFailedQueue"
    )
    account.cloud.invoke_later(account.name_of("LogEventsFunction"), {"awslogs": {"data": "bm90IGd6aXA="}})
    [body] = account.cloud.messages(failed, seconds=60)
    assert json.loads(body)["requestPayload"] == {"awslogs": {"data": "bm90IGd6aXA="}}
    said("a payload that cannot be read is in the failure queue", began)


def test_passwords_rotate_under_running_processes(account: Account, workers: dict[Process, Program]) -> None:
    """PostgreSQL's changes as RDS changes it; functions and workers that run go on."""
    began = time.monotonic()
    pids = {process: program.pid for process, program in workers.items()}
    new = "second-database-password/@:%"
    with psycopg.connect(
        account.servers.postgres.url, password=FIRST_PASSWORD, autocommit=True
    ) as connection:
        connection.execute(f"ALTER ROLE rootnote PASSWORD '{new}'")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'rootnote' AND pid <> pg_backend_pid()"
        )
    account.cloud.clients.secrets.put_secret_value(
        SecretId=account.stack.physical_id("DatabaseSecret"),
        SecretString=json.dumps({"username": "rootnote", "password": new}),
    )
    body = event()
    event_id = wait_until(lambda: post(account, body).json().get("id"), 60, "an event is stored")
    said(f"Lambda with the new password: {event_id}", began)

    def analysed() -> list[dict[str, Any]]:
        return account.query("SELECT model FROM error_analysis WHERE error_event_id = %s", event_id)

    wait_until(analysed, 90, "the worker works with the new password")
    said("worker with the new password", began)
    assert {process: program.pid for process, program in workers.items() if program.is_alive()} == pids


def test_a_backlog_is_measured_and_raises_its_alarm(account: Account) -> None:
    """The alarm is the template's but for its fifteen minutes: LocalStack would look once in so long."""
    cloud, began = account.cloud, time.monotonic()
    [project] = account.query("SELECT id FROM projects WHERE key = 'shop'")
    account.query(
        "INSERT INTO jobs (id, kind, subject_id, version, project_id, due_at)"
        " VALUES (%s, 'nobodys', %s, '1', %s, now() - interval '1 hour')",
        uuid4(),
        uuid4(),
        project["id"],
    )
    measured = cloud.invoke(account.name_of("BacklogMetricFunction"), {})
    assert not measured.failed, measured.log
    assert measured.value["backlog"] >= 1
    assert measured.value["oldest_due_seconds"] > 3_500
    wanted = {"Backlog", "OldestDueSeconds", "JobSeconds", "BacklogSeconds", "FailedJobs", "QueueDepth"}

    def extracted() -> bool:
        found.update(metric.name for metric in cloud.emf.extract(f"{LOGS}backlog_metric"))
        return found >= wanted

    found: set[str] = set()
    wait_until(extracted, 30, "the figures in the log")
    said(f"Lambda backlog_metric -> log -> {sorted(found)}", began)

    name = account.stack.physical_id("JobsLate")
    alarms = cloud.clients.cloudwatch
    [alarm] = alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["EvaluationPeriods"] == 15
    alarms.put_metric_alarm(
        AlarmName=name,
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        Statistic=alarm["Statistic"],
        Period=alarm["Period"],
        EvaluationPeriods=1,
        ComparisonOperator=alarm["ComparisonOperator"],
        Threshold=alarm["Threshold"],
        TreatMissingData=alarm["TreatMissingData"],
    )

    def rings() -> bool:
        [state] = alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return state["StateValue"] == "ALARM"

    wait_until(rings, 100, "the alarm JobsLate")
    said("CloudWatch: JobsLate is in ALARM", began)
    account.query("DELETE FROM jobs WHERE kind = 'nobodys'")


def test_what_nobody_here_runs_is_known(account: Account) -> None:
    """These are asserted on paper (tests/infra/aws), and run as processes and containers."""
    faked = {resource.kind for resource in account.stack.faked}
    assert faked <= {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Dashboard",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::ECS::Cluster",
        "AWS::ECS::Service",
        "AWS::ECS::TaskDefinition",
    }, faked
