"""Alarms and the dashboard: on metrics that somebody writes, and for everything that can fail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.aws.deployment import Deployment, Resource

DEPLOYMENT = Deployment()
ALARMS = {
    alarm.name: alarm for alarm in DEPLOYMENT.resources("AWS::CloudWatch::Alarm") if alarm.stack == "Alarms"
}

WRITTEN = {
    # By handlers.backlog_metric, handlers.log_events and handlers.quota_report.
    "Rootnote": {
        "Backlog",
        "OldestDueSeconds",
        "JobSeconds",
        "BacklogSeconds",
        "FailedJobs",
        "QueueDepth",
        "LogEventsSeen",
        "LogErrorsStored",
        "LogErrorsRefused",
        "EventsOverProjectQuota",
        "EventsOverKeyQuota",
        "LogGroupsRefused",
    },
    # By AWS itself, for nothing.
    "AWS/Lambda": {"Errors", "Throttles", "Invocations"},
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/ECS": {"CPUUtilization", "MemoryUtilization"},
    "AWS/RDS": {"CPUUtilization", "FreeStorageSpace", "DatabaseConnections"},
    "AWS/ElastiCache": {"DatabaseMemoryUsagePercentage", "Evictions"},
}
DIMENSIONS = {
    "Rootnote": {"Deployment"},
    "AWS/Lambda": {"FunctionName"},
    "AWS/ApiGateway": {"ApiName", "Stage"},
    "AWS/SQS": {"QueueName"},
    "AWS/ECS": {"ClusterName", "ServiceName"},
    "AWS/RDS": {"DBInstanceIdentifier"},
    "AWS/ElastiCache": {"CacheClusterId"},
}


def metrics(alarm: Resource) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name, dimensions, of each metric that the alarm looks at."""
    properties = alarm.properties
    found = [one["MetricStat"]["Metric"] for one in properties.get("Metrics", []) if "MetricStat" in one]
    for metric in found or [properties]:
        dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions


def watched(namespace: str, metric: str) -> set[str]:
    """Values of the dimensions under which alarms look at a metric."""
    return {
        value
        for alarm in ALARMS.values()
        for where, name, dimensions in metrics(alarm)
        if (where, name) == (namespace, metric)
        for value in dimensions.values()
    }


@pytest.mark.parametrize("name", ALARMS)
def test_alarms_look_at_metrics_that_are_written(name: str) -> None:
    for namespace, metric, dimensions in metrics(ALARMS[name]):
        assert metric in WRITTEN[namespace]
        assert set(dimensions) == DIMENSIONS[namespace]


@pytest.mark.parametrize("name", ALARMS)
def test_alarms_tell_the_topic_when_they_come_and_go_and_what_they_mean(name: str) -> None:
    properties = ALARMS[name].properties
    assert properties["AlarmActions"] == properties["OKActions"] == ["Observability.AlarmTopic"]
    assert len(properties["AlarmDescription"]) > 20
    assert properties["TreatMissingData"] in {"notBreaching", "breaching"}


def test_every_function_has_an_alarm_of_its_own() -> None:
    functions = {f.id for f in DEPLOYMENT.resources("AWS::Lambda::Function")}
    for metric in ("Errors", "Throttles"):
        assert watched("AWS/Lambda", metric) == functions
    for alarm in ALARMS.values():
        names = {d["FunctionName"] for where, _, d in metrics(alarm) if where == "AWS/Lambda"}
        assert len(names) <= 1
        # A missing half of a sum would be a missing sum.
        if names:
            assert alarm.properties["Metrics"][0]["Expression"] == "FILL(errors, 0) + FILL(throttles, 0)"


def test_every_queue_of_last_resort_has_an_alarm_and_the_buffer_one_for_its_age() -> None:
    assert watched("AWS/SQS", "ApproximateNumberOfMessagesVisible") == {
        "Api.EventBufferDeadLetterQueue.QueueName",
        "Api.LogEventsFailedQueue.QueueName",
    }
    assert watched("AWS/SQS", "ApproximateAgeOfOldestMessage") == {"Api.EventBufferQueue.QueueName"}


def test_the_api_the_jobs_and_the_servers_are_watched() -> None:
    for metric in ("5XXError", "Latency"):
        assert watched("AWS/ApiGateway", metric) == {"rootnote-staging", "live"}
    for metric in ("OldestDueSeconds", "FailedJobs", "Backlog"):
        assert watched("Rootnote", metric) == {"staging"}
    for metric in WRITTEN["AWS/RDS"]:
        assert watched("AWS/RDS", metric) == {"Data.Database"}
    for metric in WRITTEN["AWS/ElastiCache"]:
        assert watched("AWS/ElastiCache", metric) == {"Data.Cache-001"}
    assert watched("AWS/ECS", "CPUUtilization") == {"Worker.Cluster", "Worker.BeatService.Name"}


def test_a_quota_that_refuses_for_long_is_told_of() -> None:
    for metric in ("EventsOverProjectQuota", "EventsOverKeyQuota"):
        assert watched("Rootnote", metric) == {"staging"}
    properties = ALARMS["QuotaRefuses"].properties
    assert (properties["EvaluationPeriods"], properties["Metrics"][1]["MetricStat"]["Period"]) == (3, 300)


def test_silence_rings_where_silence_is_the_fault() -> None:
    silent = {name for name, a in ALARMS.items() if a.properties["TreatMissingData"] == "breaching"}
    assert silent == {"BacklogNotMeasured", "BeatGone"}
    for name in silent:
        assert ALARMS[name].properties["Statistic"] == "SampleCount"
        assert ALARMS[name].properties["ComparisonOperator"] == "LessThanThreshold"
        assert ALARMS[name].properties["Threshold"] == 1


def test_the_wait_that_rings_is_the_wait_that_is_acceptable() -> None:
    deployment = Deployment({"AcceptableWaitSeconds": "120"})
    assert deployment.find("Alarms.JobsLate").properties["Threshold"] == "120"


def test_an_address_is_told_only_where_one_is_given() -> None:
    assert not list(DEPLOYMENT.resources("AWS::SNS::Subscription"))
    (subscription,) = Deployment({"AlarmEmail": "a@example.com"}).resources("AWS::SNS::Subscription")
    assert subscription.properties["Endpoint"] == "a@example.com"


def widgets() -> list[dict[str, Any]]:
    body = json.loads(DEPLOYMENT.find("Observability.Dashboard").properties["DashboardBody"])
    found: list[dict[str, Any]] = body["widgets"]
    return found


def spelt_out(rows: list[list[Any]]) -> Iterator[list[str]]:
    """CloudWatch's short forms: "." is the same as above, "..." all that is above but the last one."""
    above: list[str] = []
    for row in rows:
        words = [word for word in row if isinstance(word, str)]
        if words[0] == "...":
            kept = above[: len(above) - (len(words) - 1)]
            words = kept + words[1:]
        words = [above[at] if word == "." else word for at, word in enumerate(words)]
        above = words
        yield words


def test_the_dashboard_shows_metrics_that_are_written() -> None:
    shown = set()
    for widget in widgets():
        for namespace, metric, *dimensions in spelt_out(widget["properties"].get("metrics", [])):
            assert metric in WRITTEN[namespace]
            assert set(dimensions[::2]) == DIMENSIONS[namespace]
            assert all(dimensions[1::2])
            shown.add((namespace, metric))
    assert {name for namespace, name in shown if namespace == "Rootnote"} == WRITTEN["Rootnote"]


def test_the_dashboard_goes_down_the_flow() -> None:
    headings = [w["properties"]["markdown"] for w in widgets() if w["type"] == "text"]
    assert [heading.split(".")[0] for heading in headings] == ["## 1", "## 2", "## 3", "## 4"]
    rows = [widget["y"] for widget in widgets()]
    assert rows == sorted(rows)
    for row in set(rows):
        assert sum(widget["width"] for widget in widgets() if widget["y"] == row) == 24


def test_the_dashboard_searches_logs_that_exist() -> None:
    groups = {g.properties["LogGroupName"] for g in DEPLOYMENT.resources("AWS::Logs::LogGroup")}
    queries = [w["properties"]["query"] for w in widgets() if w["type"] == "log"]
    asked = {name for query in queries for name in re.findall(r"SOURCE '([^']+)'", query)}
    assert asked
    assert asked <= groups
