"""The contract between those who send and those who work: queues and task names."""

from __future__ import annotations

from core.domain.job import JobKind

AI_ANALYSIS = "ai_analysis"
METADATA_GENERATION = "metadata_generation"
MAINTENANCE = "maintenance"

ANALYSE_ERROR_EVENT = "analyse_error_event"
SWEEP = "sweep"

TASK_OF_KIND: dict[JobKind, tuple[str, str]] = {JobKind.ANALYSE_GROUP: (ANALYSE_ERROR_EVENT, AI_ANALYSIS)}
"""A job's kind to the task that works it and the queue that it waits in."""

BEAT_TICK = "rootnote:beat:tick"
"""A Redis key: beat's last tick, as seconds since 1970."""
