"""The contract between those who send and those who work: queues and task names."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from core.domain.job import JobKind

AI_ANALYSIS = "ai_analysis"
METADATA_GENERATION = "metadata_generation"
MAINTENANCE = "maintenance"

ANALYSE_ERROR_EVENT = "analyse_error_event"
GENERATE_PROJECT_META = "generate_project_meta"
GENERATE_MISSING_METADATA_NIGHTLY = "generate_missing_metadata_nightly"
CLEANUP_OLD_METADATA = "cleanup_old_metadata"
SWEEP = "sweep"
CANARY = "canary"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskOfKind:
    """The task that works jobs of a kind, and the queue that they wait in.

    `by_subject`: its argument is the job's subject, not the job. `keeps_result`: somebody may wait
    for what it returns.
    """

    task: str
    queue: str
    by_subject: bool = False
    keeps_result: bool = False


TASK_OF_KIND: dict[JobKind, TaskOfKind] = {
    JobKind.ANALYSE_GROUP: TaskOfKind(task=ANALYSE_ERROR_EVENT, queue=AI_ANALYSIS),
    JobKind.GENERATE_METADATA: TaskOfKind(
        task=GENERATE_PROJECT_META, queue=METADATA_GENERATION, by_subject=True, keeps_result=True
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """A job to be sent."""

    job_id: UUID
    kind: JobKind
    subject_id: UUID


RESULT_PREFIX = "celery-task-meta-"
"""Celery's own: where its Redis backend keeps a task's result."""

BEAT_TICK = "rootnote:beat:tick"
"""A Redis key: beat's last tick, as seconds since 1970."""
