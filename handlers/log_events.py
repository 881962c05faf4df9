"""Errors of other programs, found in the log groups that were subscribed to this function.

Lambda calls it asynchronously: what it raises is tried again twice, then goes to the failure destination.
A payload that comes again stores nothing twice, since an event's key is the id of its log event.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.data_classes.cloud_watch_logs_event import CloudWatchLogsDecodedData
from pydantic import TypeAdapter, ValidationError

from core import log
from core.domain.access import Caller, Scope
from core.domain.log_lines import LogLine, join, read, source_of
from core.errors import ConfigError, InvalidInput
from core.operations.project_key import ProjectKey
from core.settings import Settings
from handlers import invocation
from handlers.bodies import validate
from handlers.log_payload import decode, lines_of
from handlers.receive import Incoming, Receipt, prepare, receive
from handlers.schemas import EventIn
from handlers.wiring import Deps

logger = logging.getLogger(__name__)

_NAMESPACE = "Rootnote"
_OPERATOR = Caller(scope=Scope.INGEST, may_create_projects=True)
"""Who subscribed a log group wants its errors, and so the project that they belong to."""
_PROJECT_KEY: TypeAdapter[str] = TypeAdapter(ProjectKey)


def handler(event: dict[str, Any], context: Any) -> None:
    request_id = context.aws_request_id
    with log.bound(request_id=request_id):
        invocation.run(lambda deps: _take(decode(event), request_id, deps))


async def _take(data: CloudWatchLogsDecodedData, request_id: str, deps: Deps) -> None:
    """Raises StoreUnavailable or QueueUnavailable, whatever was stored before it."""
    if data.get("messageType") != "DATA_MESSAGE":
        return
    # No service: Powertools makes it a second dimension, and alarms on the first alone would see nothing.
    metrics = EphemeralMetrics(
        namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or _NAMESPACE,
        service="",
        default_dimensions={"Deployment": deps.settings.deployment},
    )
    try:
        if _is_own(data.log_group, deps.settings):
            logger.warning("own log group refused", extra={"log_group": data.log_group})
            metrics.add_metric(name="LogGroupsRefused", unit=MetricUnit.Count, value=1)
            return
        await _store(data, request_id, deps, metrics)
    finally:
        metrics.flush_metrics()


def _is_own(log_group: str, settings: Settings) -> bool:
    """Our own errors would come back to us as events for ever."""
    prefixes = (prefix.strip() for prefix in settings.own_log_groups.split(","))
    is_this_function = log_group == os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
    return is_this_function or any(prefix and log_group.startswith(prefix) for prefix in prefixes)


async def _store(
    data: CloudWatchLogsDecodedData, request_id: str, deps: Deps, metrics: EphemeralMetrics
) -> None:
    lines = list(lines_of(data))
    metrics.add_metric(name="LogEventsSeen", unit=MetricUnit.Count, value=len(lines))
    errors = _errors(data, [line for line in lines if line is not None], deps.settings)
    found = stored = 0
    # Each batch is stored before the next is read: what was stored stays, if time is up.
    while batch := list(islice(errors, deps.settings.max_batch_events)):
        found += len(batch)
        if await _is_over_quota(batch, deps):
            # They stay in their log group, and trying again would be one more flood.
            metrics.add_metric(name="LogErrorsRefused", unit=MetricUnit.Count, value=len(batch))
            continue
        answers = await receive(batch, caller=_OPERATOR, request_id=request_id, deps=deps)
        new = sum(isinstance(answer, Receipt) and answer.is_new for answer in answers)
        metrics.add_metric(name="LogErrorsStored", unit=MetricUnit.Count, value=new)
        stored += new
    logger.info(
        "log events read",
        extra={"log_group": data.log_group, "seen": len(lines), "errors": found, "stored": stored},
    )


async def _is_over_quota(batch: list[Incoming], deps: Deps) -> bool:
    """One log group's errors are one project's."""
    project_key = batch[0].project_key
    await deps.projects.resolve((project_key,), _OPERATOR)
    rates = deps.projects.rates((project_key,))
    return bool(await deps.quotas.charge_projects({project_key: len(batch)}, rates))


def _errors(data: CloudWatchLogsDecodedData, lines: list[LogLine], settings: Settings) -> Iterator[Incoming]:
    """One line that cannot be an event never keeps the others out."""
    source = source_of(data.log_group)
    project_key = _project_key(settings, source)
    where = {"log_group": data.log_group, "log_stream": data.get("logStream")}
    for line in join(lines):
        try:
            incoming = _incoming(line, source, project_key, where)
        except (InvalidInput, OverflowError, OSError, ValueError) as exc:
            logger.warning("log event left out", extra={"log_event": line.id, "reason": str(exc)})
            continue
        if incoming is not None:
            yield incoming


def _incoming(line: LogLine, source: str, project_key: str, where: dict[str, Any]) -> Incoming | None:
    error = read(line.text, source=source)
    if error is None:
        return None
    extra = where | {"request_id": error.request_id, "fields": dict(error.fields)}
    event = {
        "project_key": project_key,
        "message": error.message,
        "stack": error.stack,
        "method": error.method,
        "path": error.path,
        "status_code": error.status_code,
        "timestamp": datetime.fromtimestamp(line.timestamp / 1000, UTC),
        "event_id": f"log:{line.id}",
        "environment": error.environment,
        "release": error.release,
        "extra": {name: value for name, value in extra.items() if value},
    }
    return prepare(validate(EventIn, event), idempotency_key=None)


def _project_key(settings: Settings, source: str) -> str:
    """Raises ConfigError: a key that is none would lose every error."""
    try:
        return _PROJECT_KEY.validate_python(settings.log_project_key or source)
    except ValidationError as exc:
        raise ConfigError("LOG_PROJECT_KEY: is not a project's key") from exc
