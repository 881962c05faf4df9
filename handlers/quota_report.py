"""What is told of events that a quota refused: metrics at once, and a line of the log now and then."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from core import metrics

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 60.0
_MOST_REMEMBERED = 1_000
_NAMESPACE = "Rootnote"


class Kind(StrEnum):
    PROJECT = "project"
    KEY = "key"


class QuotaReport:
    """A flood must not become a flood of the log, so a key or project has at most one line a minute."""

    def __init__(self, *, deployment: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._deployment = deployment
        self._clock = clock
        self._logged_at: dict[tuple[Kind, str], float] = {}
        self._untold: Counter[tuple[Kind, str]] = Counter()

    def refused(self, kind: Kind, label: str, events: int) -> None:
        metrics.QUOTA_REFUSED.labels(kind).inc(events)
        subject, now = (kind, label), self._clock()
        self._untold[subject] += events
        if now - self._logged_at.get(subject, -_EVERY_SECONDS) < _EVERY_SECONDS:
            return
        if len(self._logged_at) >= _MOST_REMEMBERED:
            self._logged_at.clear()
            self._untold.clear()
        self._logged_at[subject] = now
        count = self._untold.pop(subject, events)
        logger.warning("events are refused by a quota", extra={"quota": kind, "of": label, "events": count})
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
            self._write(kind, count)

    def _write(self, kind: Kind, events: int) -> None:
        """For CloudWatch, which reads it from a function's log: nothing scrapes a Lambda."""
        from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit  # noqa: PLC0415

        # No service: Powertools makes it a second dimension, and alarms on the first alone would see nothing.
        written = EphemeralMetrics(
            namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or _NAMESPACE,
            service="",
            default_dimensions={"Deployment": self._deployment},
        )
        written.add_metric(f"EventsOver{kind.capitalize()}Quota", MetricUnit.Count, events)
        written.flush_metrics()
