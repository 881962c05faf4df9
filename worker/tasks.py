"""Celery tasks: each is thin over a use case."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID, uuid4

from celery import shared_task

from core import metrics
from core.domain.job import JobKind, JobState
from core.queue import names
from worker import wiring
from worker.usecases.analyse_event import analyse_event
from worker.usecases.sweep import sweep


@shared_task(name=names.ANALYSE_ERROR_EVENT)
def analyse_error_event(job_id: str) -> str:
    """Analyse the group that the job stands for. Harmless to send twice."""
    process = wiring.process()
    claimed_by = f"{process.name}:{uuid4().hex[:12]}"
    kind = JobKind.ANALYSE_GROUP
    started = time.perf_counter()
    with metrics.JOBS_IN_PROGRESS.labels(kind).track_inprogress():
        outcome = process.loop.run(analyse_event(UUID(job_id), claimed_by=claimed_by, tools=process.analyse))
    metrics.JOBS.labels(kind, outcome).inc()
    metrics.JOB_SECONDS.labels(kind).observe(time.perf_counter() - started)
    return outcome


@shared_task(name=names.SWEEP)
def sweep_task() -> None:
    """Send what is due and what was lost."""
    process = wiring.process()
    swept = process.loop.run(
        sweep(
            database=process.database,
            queue=process.publisher,
            queue_names=(names.AI_ANALYSIS,),
            max_attempts=1 + process.settings.max_retries,
            resend_after=timedelta(seconds=process.settings.resend_after),
        )
    )
    metrics.JOBS_LOST.inc(swept.lost)
    metrics.JOBS_RESENT.inc(swept.sent)
    for state in (JobState.QUEUED, JobState.RUNNING, JobState.FAILED, JobState.DEAD):
        metrics.JOBS_BY_STATE.labels(state).set(swept.backlog.get(state, 0))
    metrics.OLDEST_DUE_SECONDS.set(swept.oldest_due)
