"""The Lambda entry point that measures the backlog once a minute, for CloudWatch to scale by.

The figures go to stdout in the embedded metric format: CloudWatch reads them from the log, and no call
of its API is made.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from core.domain.backlog_metric import BacklogMetric
from core.operations import backlog_metric
from handlers.invocation import run
from handlers.wiring import Deps

_NAMESPACE = "Rootnote"


def handler(event: object, context: object) -> dict[str, Any]:
    """Gives the figures, for those who invoke it by hand. Raises StoreUnavailable."""
    return asdict(run(_publish))


async def _publish(deps: Deps) -> BacklogMetric:
    measured = await backlog_metric.measure(
        database=deps.database,
        queue=deps.publisher,
        worker_places=deps.settings.worker_concurrency * deps.settings.jobs_per_process,
        now=datetime.now(UTC),
    )
    _write(measured, deployment=deps.settings.deployment)
    return measured


def _write(measured: BacklogMetric, *, deployment: str) -> None:
    # Metrics would be one object a process, in which a run that failed leaves values for the next. No
    # service: Powertools makes it a second dimension, and alarms on the first alone would see nothing.
    metrics = EphemeralMetrics(
        namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or _NAMESPACE, service=""
    )
    metrics.add_dimension("Deployment", deployment)
    metrics.add_metric("Backlog", MetricUnit.Count, measured.backlog)
    metrics.add_metric("OldestDueSeconds", MetricUnit.Seconds, measured.oldest_due_seconds)
    metrics.add_metric("JobSeconds", MetricUnit.Seconds, measured.job_seconds)
    metrics.add_metric("BacklogSeconds", MetricUnit.Seconds, measured.backlog_seconds)
    metrics.add_metric("FailedJobs", MetricUnit.Count, measured.failed_jobs)
    if measured.queue_depth is not None:
        metrics.add_metric("QueueDepth", MetricUnit.Count, measured.queue_depth)
    metrics.flush_metrics()
