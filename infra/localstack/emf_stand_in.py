"""Stands in for a part of CloudWatch that LocalStack lacks: metrics that functions write into their logs.

CloudWatch takes these lines (embedded metric format) out of a log group by itself. Here `extract` has to be
called. What it finds is put as metrics by the API, so that alarms and queries see it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.localstack.clients import Clients


@dataclass(frozen=True, kw_only=True)
class Metric:
    namespace: str
    name: str
    values: tuple[float, ...]
    dimensions: Mapping[str, str]
    unit: str
    at: datetime


class EmfStandIn:
    """Takes each line once, however often it is asked."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._seen: set[str] = set()

    def extract(self, log_group: str) -> list[Metric]:
        """Put what the group's lines hold as metrics, and return it."""
        found = [metric for line in self._new_lines(log_group) for metric in metrics_of(line)]
        for metric in found:
            datum: Any = {
                "MetricName": metric.name,
                "Values": list(metric.values),
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
                "Timestamp": metric.at,
                "Unit": metric.unit,
            }
            self._clients.cloudwatch.put_metric_data(Namespace=metric.namespace, MetricData=[datum])
        return found

    def _new_lines(self, log_group: str) -> Iterator[str]:
        logs = self._clients.logs
        for stream in logs.describe_log_streams(logGroupName=log_group)["logStreams"]:
            events = logs.get_log_events(
                logGroupName=log_group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
            for number, event in enumerate(events):
                key = f"{log_group}\0{stream['logStreamName']}\0{number}"
                if key not in self._seen:
                    self._seen.add(key)
                    yield event["message"]


def metrics_of(line: str) -> Iterator[Metric]:
    """One for each metric and set of dimensions; none for a line of any other kind."""
    try:
        record: Any = json.loads(line)
        directives = record["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return
    at = datetime.fromtimestamp(record["_aws"]["Timestamp"] / 1000, UTC)
    for directive in directives:
        for names in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                value = record[metric["Name"]]
                yield Metric(
                    namespace=directive["Namespace"],
                    name=metric["Name"],
                    values=tuple(value) if isinstance(value, list) else (value,),
                    dimensions={name: str(record[name]) for name in names},
                    unit=metric.get("Unit", "None"),
                    at=at,
                )
