"""What requests, sweeps and the backlog's metric ask of the store, by name, to be explained or timed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from core.domain import ids
from core.domain.job import JobKind, JobState
from core.domain.page import Cursor as PageCursor
from core.store import analyses, backlog, backlog_metric, dispatch, events, groups, health, jobs, retention
from core.store.database import Connection
from core.store.ingest import STATEMENTS, NewEvent, parameters_of, rows_of
from tests.load.fill import Sample

Question = Callable[[Connection], Awaitable[Any]]

_KIND = JobKind.ANALYSE_GROUP
_PAGE = 50
_SECONDS = timedelta(seconds=30)
_FIRST_ID = UUID(int=0)
_OLD = timedelta(days=90)
_BATCH = 20
"""Rows that a batch of retention looks at here."""


def questions(sample: Sample) -> dict[str, Question]:
    deep = PageCursor(at=sample.deep, id=_FIRST_ID)
    pages = {
        "events page": _events(),
        "events page, deep": _events(after=deep),
        "events page of the noisy project": _events(project=sample.noisy),
        "events page of the noisy project, deep": _events(project=sample.noisy, after=deep),
        "events page of a quiet project": _events(project=sample.quiet),
        "events page of the hot group": _events(group=sample.hot_group),
        "events page of the hot group, deep": _events(group=sample.hot_group, after=deep),
        "groups page": _groups(),
        "groups page, deep": _groups(after=deep),
        "groups page of a quiet project": _groups(project=sample.quiet),
        "group page of the hot group": _group(sample.hot_group),
        "group page of a small group": _group(sample.small_group),
        "jobs page": _jobs(),
        "jobs page of a quiet project": _jobs(project=sample.quiet),
        "jobs page of failed and dead ones": _jobs(JobState.FAILED, JobState.DEAD),
        "failed jobs of a quiet project": _jobs(JobState.FAILED, project=sample.quiet),
    }
    pages |= {f"jobs page, {state}": _jobs(state) for state in JobState}
    return pages | {
        "job": lambda c: backlog.find(c, sample.job, project_id=None),
        "readiness": health.look,
        "what a job is about": lambda c: analyses.subject_of(c, sample.job),
        "claim": lambda c: jobs.claim(c, sample.job, kind=_KIND, claimed_by="w", lease=_SECONDS),
        "a claim that lasts longer": lambda c: jobs.extend_lease(c, _claim(sample), lease=_SECONDS),
        "messages that were not taken": lambda c: dispatch.unsend(c, [sample.job]),
        "sweep: is anything due": dispatch.anything_due,
        "sweep: lost leases": lambda c: backlog.requeue_lost(c, max_losses=4, spread=_SECONDS),
        "sweep: budgets": backlog.resume_paused,
        "sweep: counts": backlog.count,
        "sweep: lost messages": lambda c: dispatch.take_lost(c, _KIND, waiting=0, resend_after=_SECONDS),
        "sweep: suspects": lambda c: dispatch.take_suspect(c, _KIND),
        "sweep: turns": lambda c: dispatch.take_fairly(c, _KIND, waiting=0, room=50),
        "redrive": lambda c: backlog.redrive(c, job_id=None, project_id=sample.quiet, limit=500),
        "backlog's metric": lambda c: backlog_metric.measure(c, calls_since=datetime.now(UTC)),
        "retention: events": lambda c: retention.delete_events(c, older_than=_OLD, limit=_BATCH),
        "retention: groups": lambda c: retention.delete_empty_groups(c, older_than=_OLD, limit=_BATCH),
        "retention: jobs": lambda c: retention.delete_ended_jobs(c, older_than=_OLD, limit=_BATCH),
        "retention: calls": lambda c: retention.delete_calls(c, older_than=_OLD, limit=_BATCH),
        "ingest, known group": _ingest(sample, known=True),
        "ingest, new group": _ingest(sample, known=False),
    }


def _events(
    *, project: UUID | None = None, group: UUID | None = None, after: PageCursor | None = None
) -> Question:
    return lambda c: events.newest(c, project_id=project, group_id=group, after=after, limit=_PAGE)


def _groups(*, project: UUID | None = None, after: PageCursor | None = None) -> Question:
    return lambda c: groups.newest(c, project_id=project, after=after, limit=_PAGE)


def _group(group: UUID) -> Question:
    return lambda c: groups.find(c, group, project_id=None)


def _jobs(*states: JobState, project: UUID | None = None) -> Question:
    return lambda c: backlog.newest(c, states=states, project_id=project, after=None, limit=_PAGE)


def _ingest(sample: Sample, *, known: bool) -> Question:
    """The statements by themselves: the store sends them in a transaction of its own."""

    async def store(connection: Connection) -> None:
        rows = rows_of([_event(sample, known=known)], request_id="r")
        for statement, values in zip(STATEMENTS, parameters_of([rows], version="analysis-1"), strict=True):
            sql = re.sub(r"\$(\d)", r"%(p\1)s", statement)
            texts = {f"p{n}": value.decode() if value else None for n, value in enumerate(values, start=1)}
            await connection.execute(sql, texts)

    return store


def _claim(sample: Sample) -> jobs.Claim:
    return jobs.Claim(
        job_id=sample.job,
        kind=_KIND,
        subject_id=sample.small_group,
        project_id=sample.noisy,
        version="analysis-1",
        attempts=1,
        force=False,
        request_id="r",
        claimed_by="w",
        has_cap=False,
    )


def _event(sample: Sample, *, known: bool) -> NewEvent:
    group = sample.hot_group if known else uuid4()
    return NewEvent(
        id=ids.new_id(),
        project_id=sample.noisy,
        group_id=group,
        fingerprint=group.hex,
        fingerprint_version=1,
        title="TimeoutError",
        event_key=uuid4().hex,
        status_code=500,
        occurred_at=datetime.now(UTC),
        payload={"message": "m"},
        job_id=uuid4(),
    )
