"""Celery tasks: each is thin over a use case."""

from __future__ import annotations

import logging
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import Task, shared_task

from core import metrics
from core.domain.ids import new_request_id
from core.domain.job import JobKind, JobState
from core.errors import FieldProblem, InvalidInput
from core.queue import names
from core.store import health
from worker import wiring
from worker.usecases.analyse_event import analyse_event
from worker.usecases.cleanup import Ages, clean_up
from worker.usecases.metadata_task import run_metadata_task
from worker.usecases.nightly import generate_missing
from worker.usecases.sweep import sweep

logger = logging.getLogger(__name__)

_CLEANUP_SECONDS = 120.0
"""Half of the soft time limit, since a batch that has begun is finished."""


@shared_task(name=names.ANALYSE_ERROR_EVENT)
def analyse_error_event(job_id: str) -> str:
    """Analyse the group that the job stands for. Harmless to send twice."""
    process = wiring.process()
    with _measured(JobKind.ANALYSE_GROUP) as outcome:
        outcome.append(
            process.loop.run(
                analyse_event(_uuid(job_id, "job_id"), claimed_by=process.new_claim(), tools=process.analyse)
            )
        )
    return outcome[0]


# Celery logs what a task returns; this much of it says the status and nothing of the project.
@shared_task(name=names.GENERATE_PROJECT_META, bind=True, ignore_result=False, resultrepr_maxsize=24)
def generate_project_meta(self: Task[Any, Any], project_id: str) -> dict[str, Any]:
    """Generate a project's metadata, unless it is known. Gives `status`, and `metadata` where there is any.

    `status`: `done`, `exists` (known already), `skipped` (with `reason`), `queued` (a retry or its turn
    in the rate limit is due at `due_at`), `running` (elsewhere), `failed` or `dead` (with `reason`).
    """
    process = wiring.process()
    started = time.perf_counter()
    with _measured(JobKind.GENERATE_METADATA) as outcome, metrics.META_IN_PROGRESS.track_inprogress():
        result = process.loop.run(
            run_metadata_task(
                _uuid(project_id, "project_id"),
                task_id=str(self.request.id),
                claimed_by=process.new_claim(),
                tools=process.metadata,
            )
        )
        outcome.append(result["status"])
    if result["status"] in {"done", "failed", "dead"}:
        status = "success" if result["status"] == "done" else "failure"
        metrics.META_GENERATED.labels(status).inc()
        metrics.META_SECONDS.observe(time.perf_counter() - started)
    return result


@shared_task(name=names.GENERATE_MISSING_METADATA_NIGHTLY, ignore_result=False)
def generate_missing_metadata_nightly() -> dict[str, int]:
    """Queue metadata for all projects that have none, in batches of 10."""
    process = wiring.process()
    if not process.settings.enable_sti:
        return {"projects": 0, "batches": 0}
    queued = process.loop.run(
        generate_missing(database=process.database, sender=process.publisher, request_id=new_request_id())
    )
    logger.info("queued metadata of %d projects in %d batches", queued.projects, queued.batches)
    return {"projects": queued.projects, "batches": queued.batches}


@shared_task(name=names.CLEANUP_OLD_METADATA, ignore_result=False, bind=True)
def cleanup_old_metadata(self: Task[Any, Any], rest: tuple[str, str] | None = None) -> dict[str, int]:
    """Delete what is old: events, ended jobs, ledger rows, metadata of nothing and of forgotten drafts.

    It stops well within the time limit of a task, and queues itself again for what is left (`rest`).
    """
    process = wiring.process()
    settings = process.settings
    ages = Ages(
        drafts=timedelta(days=settings.draft_days),
        events=timedelta(days=settings.event_days),
        jobs=timedelta(days=settings.job_days),
        calls=timedelta(days=settings.ledger_days),
    )
    cleaned = process.loop.run(clean_up(process.database, ages, seconds=_CLEANUP_SECONDS, rest=rest))
    logger.info("cleaned up", extra=cleaned.deleted | {"is_finished": cleaned.is_finished})
    if not cleaned.is_finished:
        self.apply_async(kwargs={"rest": cleaned.rest})
    return cleaned.deleted


@shared_task(name=names.SWEEP, bind=True)
def sweep_task(self: Task[Any, Any]) -> None:
    """Send what is due and what was lost, until about the time when the next sweep begins.

    A worker that also takes jobs looks once instead: it is what the messages wait for.
    """
    process = wiring.process()
    tools = process.one_look if _works_jobs(self.app.amqp.queues.consume_from) else process.sweep
    swept = process.loop.run(sweep(tools))
    if swept is None:
        return
    metrics.JOBS_LOST.inc(swept.lost)
    metrics.JOBS_RESENT.inc(swept.sent)
    for state in (JobState.QUEUED, JobState.RUNNING, JobState.FAILED, JobState.DEAD):
        metrics.JOBS_BY_STATE.labels(state).set(swept.backlog.get(state, 0))
    metrics.OLDEST_DUE_SECONDS.set(swept.oldest_due)
    metrics.LAST_SWEEP.set_to_current_time()


def _works_jobs(queues: Container[str]) -> bool:
    """Whether a worker of these queues works jobs."""
    return any(task.queue in queues for task in names.TASK_OF_KIND.values())


@shared_task(name=names.CANARY)
def canary() -> None:
    """Say that a worker takes what comes."""
    process = wiring.process()
    process.loop.run(process.database.autocommit(lambda connection: health.beat(connection, "worker")))


@contextmanager
def _measured(kind: JobKind) -> Iterator[list[str]]:
    """Count and time one claim; the block puts its outcome into the list."""
    outcome: list[str] = []
    started = time.perf_counter()
    with metrics.JOBS_IN_PROGRESS.labels(kind).track_inprogress():
        yield outcome
    metrics.JOBS.labels(kind, outcome[0]).inc()
    metrics.JOB_SECONDS.labels(kind).observe(time.perf_counter() - started)


def _uuid(text: str, field: str) -> UUID:
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError) as exc:
        raise InvalidInput(FieldProblem(field=field, message="is no UUID")) from exc
