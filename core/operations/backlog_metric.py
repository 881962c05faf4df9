"""Measuring the backlog: PostgreSQL says how long it is, Redis how much of it has been sent."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Protocol

from core.domain.backlog_metric import BacklogMetric, metric_of
from core.errors import QueueUnavailable
from core.queue.names import TASK_OF_KIND
from core.store import backlog_metric
from core.store.database import Database

logger = logging.getLogger(__name__)

_RECENT = timedelta(minutes=15)
"""Long enough for a mean of slow jobs, short enough to follow a provider that has become slow."""


class Depths(Protocol):
    async def depths(self, queues: list[str]) -> list[int]: ...


async def measure(*, database: Database, queue: Depths, worker_places: int, now: datetime) -> BacklogMetric:
    """Raises StoreUnavailable. Without Redis there is no queue depth, and all else is as it is."""
    stored = await database.autocommit(
        lambda connection: backlog_metric.measure(connection, calls_since=now - _RECENT)
    )
    return metric_of(stored, queue_depth=await _depth(queue), worker_places=worker_places)


async def _depth(queue: Depths) -> int | None:
    try:
        return sum(await queue.depths([task.queue for task in TASK_OF_KIND.values()]))
    except QueueUnavailable as exc:
        logger.warning("no queue depth is published", extra={"cause": str(exc)})
        return None
