"""Ask for a group's analysis with no transaction open, store it, and copy it to the group's events."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from core.domain.analysis import Analysis
from core.domain.analysis_text import render_text
from core.domain.event import EventContent
from core.domain.job import JobKind, JobState
from core.store import analyses, jobs
from core.store.database import Connection, Cursor
from worker.prompts import analysis as prompt
from worker.prompts.safe import safe_analysis
from worker.providers.base import Answer, ChainFailed
from worker.usecases.asking import Asking
from worker.usecases.claimed import JobTools, fenced, fenced_with_calls, record, work_claimed
from worker.usecases.offline import ask_offline

FIRST_COPIES = 200
"""Made while the group's row is locked, for which ingest of its errors waits."""
COPIES_A_BATCH = 500
_TELL_EVERY = 20_000
"""Copies, of a job that has many to make."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offline:
    """The analyser that needs no model, and the name that its answers carry."""

    model: str
    analyse: Callable[[EventContent], Analysis]


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalyseTools:
    """What `analyse_event` works with. `offline` None: without a model there is no answer."""

    jobs: JobTools
    asking: Asking
    offline: Offline | None


async def analyse_event(job_id: UUID, *, claimed_by: str, tools: AnalyseTools) -> str:
    """Work the job, if it is still to be had. Gives the outcome in a word, for logs and metrics."""
    return await work_claimed(
        job_id,
        JobKind.ANALYSE_GROUP,
        claimed_by=claimed_by,
        ask=analyses.subject_of,
        read=analyses.read_subject,
        work=lambda claim, subject: _work(claim, subject, tools),
        tools=tools.jobs,
    )


async def _work(claim: jobs.Claim, subject: analyses.Subject, tools: AnalyseTools) -> str:
    if subject.event_id is None or subject.content is None:
        reason = "no event with status 500 or above"
        await fenced(lambda c: jobs.finish(c, claim, JobState.SKIPPED, reason=reason), tools.jobs)
        return JobState.SKIPPED
    if subject.is_analysed and not claim.force:
        await _store(claim, subject, None, tools)
        return JobState.DONE
    answer = await _ask(claim, subject.content, tools)
    await _store(claim, subject, answer, tools)
    return JobState.DONE


async def _ask(claim: jobs.Claim, content: EventContent, tools: AnalyseTools) -> Answer[Analysis]:
    try:
        answer = await tools.asking.ask(claim, prompt.build(content), lambda text: prompt.read(text, content))
    except ChainFailed as exc:
        if tools.offline is None:
            raise
        offline = tools.offline
        answer = await ask_offline(offline.model, lambda: offline.analyse(content), exc.calls)
    return replace(answer, value=safe_analysis(answer.value, content))


def _row(answer: Answer[Analysis]) -> analyses.NewAnalysis:
    return analyses.NewAnalysis(
        analysis_text=render_text(answer.value),
        model=answer.model,
        confidence=answer.value.confidence,
        detail=asdict(answer.value) | {"provider": answer.provider},
    )


async def _store(
    claim: jobs.Claim, subject: analyses.Subject, answer: Answer[Analysis] | None, tools: AnalyseTools
) -> None:
    """The analysis, the ledger and the first copies in one transaction; further copies in their own.

    The job ends only with the last copy, so a crash in between goes on where it was. Each
    transaction is fenced by the claim. `answer` None: the analysis is there, copies may be missing.
    """

    async def first(connection: Connection) -> Cursor:
        if answer is not None:
            await analyses.publish(connection, claim, _row(answer), event_id=subject.event_id)
        copied = await analyses.copy_to_events(connection, claim, after=None, limit=FIRST_COPIES)
        if answer is not None:
            # Last, since all calls' settling locks the same rows of the budget.
            await record(connection, claim, answer.calls)
        return copied

    copied = await fenced_with_calls(claim, answer.calls if answer else (), first, tools.jobs)
    place = await analyses.place_reached(copied, after=None, limit=FIRST_COPIES)
    while place is not None:
        place = await _copy_batch(claim, place, tools)


async def _copy_batch(claim: jobs.Claim, after: analyses.Place, tools: AnalyseTools) -> analyses.Place | None:
    """Where to go on; None: that was the last batch, and the job is done."""
    copied = await fenced(
        lambda c: analyses.copy_to_events(c, claim, after=after, limit=COPIES_A_BATCH), tools.jobs
    )
    place = await analyses.place_reached(copied, after=after, limit=COPIES_A_BATCH)
    if place is not None and place.visited // _TELL_EVERY > after.visited // _TELL_EVERY:
        logger.info("the analysis goes to many events", extra={"events_so_far": place.visited})
    return place
