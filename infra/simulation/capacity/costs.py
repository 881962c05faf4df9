"""What AWS charges for events, by its list prices in us-east-1 (Arm where there is a choice). They change."""

from __future__ import annotations

from dataclasses import dataclass

from infra.simulation.capacity.measure import Measured
from infra.simulation.capacity.reckon import Assumed, ingest_of, lambda_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """In USD; memory and time are those that are billed."""

    api_requests_million: float = 3.50
    lambda_requests_million: float = 0.20
    lambda_gb_second: float = 0.0000133334
    logs_gb: float = 0.50
    sqs_requests_million: float = 0.40
    disk_gb_month: float = 0.115


_LAMBDA_LINES = 330
"""Bytes of START, END and REPORT, which Lambda itself writes for each invocation."""
_SQS_CALLS = 1 + 2 / 10
"""One to send; one to receive and one to delete for ten."""


def costs(events: float, batch: int, measured: Measured, assumed: Assumed) -> dict[str, float]:
    """USD for so many events sent `batch` a request, with their storage for as long as they are kept."""
    prices, cost = Prices(), ingest_of(measured, batch)
    requests = events / batch
    seconds = requests * lambda_ms(cost, batch, assumed) / 1_000
    log_bytes = events * cost.log_bytes + requests * _LAMBDA_LINES
    stored = events * (measured.event_bytes + measured.analysis_bytes)
    months = assumed.retention_days / 30
    return {
        "API Gateway": requests / 1e6 * prices.api_requests_million,
        "Lambda, requests": requests / 1e6 * prices.lambda_requests_million,
        "Lambda, time": seconds * assumed.lambda_mb / 1_024 * prices.lambda_gb_second,
        "logs": log_bytes / 1e9 * prices.logs_gb,
        "disk, for as long as they are kept": stored / 1e9 * prices.disk_gb_month * months,
        "SQS, only while PostgreSQL is away": events * _SQS_CALLS / 1e6 * prices.sqs_requests_million,
    }
