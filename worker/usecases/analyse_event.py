"""Claim a group's job, ask for an analysis with no transaction open, store it, copy it to the events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from core import log, metrics
from core.domain.analysis import Analysis
from core.domain.analysis_text import render_text
from core.domain.event import EventContent
from core.domain.job import JobState, RetryLater, RetryPolicy, after_failure
from core.errors import ClaimLost, Failure, StoreUnavailable
from core.store import analyses, jobs, ledger
from core.store.database import Connection, Cursor, Database
from worker.loop import STOPPING
from worker.prompts import analysis as prompt
from worker.providers.base import Answer, CallRecord, ChainFailed, Prompt, Usage
from worker.usecases.lease import under_lease

logger = logging.getLogger(__name__)

COPIES_A_BATCH = 2_000


class Models(Protocol):
    """The provider chain, as far as an analysis needs it."""

    async def ask(
        self,
        prompt: Prompt,
        parse: Callable[[str], Analysis],
        *,
        budget_seconds: float,
        request_id: str,
    ) -> Answer[Analysis]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Offline:
    """The analyser that needs no model, and the name that its answers carry."""

    model: str
    analyse: Callable[[EventContent], Analysis]


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalyseTools:
    """What `analyse_event` works with. `offline` None: without a model there is no answer."""

    database: Database
    models: Models
    offline: Offline | None
    policy: RetryPolicy
    lease: timedelta
    budget_seconds: float
    jitter: Callable[[], float]


async def analyse_event(job_id: UUID, *, claimed_by: str, tools: AnalyseTools) -> str:
    """Work the job, if it is still to be had. Gives the outcome in a word, for logs and metrics."""
    try:
        claim = await tools.database.autocommit(
            lambda connection: jobs.claim_analysis(
                connection, job_id, claimed_by=claimed_by, lease=tools.lease
            )
        )
        if claim is None:
            return "not_claimed"
        with log.bound(job_id=str(job_id), request_id=claim.request_id):
            outcome = await _work_guarded(claim, tools)
            logger.info("job %s", outcome, extra={"attempt": claim.attempts})
            return outcome
    except ClaimLost:
        logger.warning("the claim was lost; nothing is written", extra={"job_id": str(job_id)})
        return "claim_lost"
    except StoreUnavailable:
        # Queued, it is sent again; claimed, its lease runs out: either way the sweeper finds it.
        logger.warning("PostgreSQL does not answer; the job will run again", extra={"job_id": str(job_id)})
        return "store_unavailable"


async def _work_guarded(claim: jobs.Claim, tools: AnalyseTools) -> str:
    try:
        return await under_lease(_work(claim, tools), claim, database=tools.database, lease=tools.lease)
    except asyncio.CancelledError as exc:
        if exc.args == (STOPPING,):
            await jobs.fenced(tools.database, lambda c: jobs.give_back(c, claim))
        else:
            await _fail(claim, Failure.RETRYABLE, "stopped at the time limit", None, (), tools)
        raise
    except (ClaimLost, StoreUnavailable):
        raise
    except Exception as exc:
        # A fault of ours must not lose the job nor run it for ever: it counts as an attempt.
        logger.exception("unexpected error")
        return await _fail(claim, Failure.RETRYABLE, f"bug: {type(exc).__name__}", None, (), tools)


async def _work(claim: jobs.Claim, tools: AnalyseTools) -> str:
    if claim.content is None:
        reason = "no event with status 500 or above"
        await jobs.fenced(tools.database, lambda c: jobs.finish(c, claim, JobState.SKIPPED, reason=reason))
        return JobState.SKIPPED
    if claim.is_analysed and not claim.force:
        await _store(claim, None, (), tools)
        return JobState.DONE
    try:
        answer = await _ask(claim, claim.content, tools)
    except ChainFailed as exc:
        return await _fail(claim, exc.failure, str(exc), exc.retry_after, exc.calls, tools)
    await _store(claim, _row(answer), answer.calls, tools)
    return JobState.DONE


async def _ask(claim: jobs.Claim, content: EventContent, tools: AnalyseTools) -> Answer[Analysis]:
    try:
        return await tools.models.ask(
            prompt.build(content),
            lambda text: prompt.read(text, content),
            budget_seconds=tools.budget_seconds,
            request_id=claim.request_id,
        )
    except ChainFailed as exc:
        if tools.offline is None:
            raise
        return await _ask_offline(content, tools.offline, exc.calls)


async def _ask_offline(
    content: EventContent, offline: Offline, calls: tuple[CallRecord, ...]
) -> Answer[Analysis]:
    started = time.perf_counter()
    # In a thread, since it is pure computation and the lease must go on being renewed.
    found = await asyncio.to_thread(offline.analyse, content)
    call = CallRecord(
        provider="heuristic",
        model=offline.model,
        usage=Usage(),
        cost_usd=0.0,
        latency_ms=round((time.perf_counter() - started) * 1_000),
        outcome="ok",
    )
    return Answer(value=found, provider=call.provider, model=call.model, calls=(*calls, call))


def _row(answer: Answer[Analysis]) -> analyses.NewAnalysis:
    return analyses.NewAnalysis(
        analysis_text=render_text(answer.value),
        model=answer.model,
        confidence=answer.value.confidence,
        detail=asdict(answer.value) | {"provider": answer.provider},
    )


async def _store(
    claim: jobs.Claim,
    found: analyses.NewAnalysis | None,
    calls: tuple[CallRecord, ...],
    tools: AnalyseTools,
) -> None:
    """The analysis, the ledger and the first copies in one transaction; further copies in their own.

    The job ends only with the last copy, so a crash in between goes on where it was. Each
    transaction is fenced by the claim.
    """
    place = None
    is_first = True
    while is_first or place is not None:
        place = await _store_batch(
            claim, found if is_first else None, calls if is_first else (), place, tools
        )
        is_first = False


async def _store_batch(
    claim: jobs.Claim,
    found: analyses.NewAnalysis | None,
    calls: tuple[CallRecord, ...],
    after: analyses.Place | None,
    tools: AnalyseTools,
) -> analyses.Place | None:
    async def write(connection: Connection) -> analyses.Place | None:
        if found is not None:
            await analyses.publish(connection, claim, found)
        await _record(connection, claim, calls)
        copied: Cursor = await analyses.copy_to_events(connection, claim, after=after, limit=COPIES_A_BATCH)
        place = await analyses.place_reached(copied, limit=COPIES_A_BATCH)
        if place is None:
            await jobs.finish(connection, claim, JobState.DONE)
        else:
            await jobs.hold(connection, claim)
        return place

    return await jobs.fenced(tools.database, write)


async def _fail(
    claim: jobs.Claim,
    failure: Failure,
    error: str,
    retry_after: float | None,
    calls: tuple[CallRecord, ...],
    tools: AnalyseTools,
) -> str:
    verdict = after_failure(
        failure,
        attempts=claim.attempts,
        retry_after=retry_after,
        policy=tools.policy,
        jitter=tools.jitter(),
    )

    async def write(connection: Connection) -> None:
        await _record(connection, claim, calls)
        if isinstance(verdict, RetryLater):
            await jobs.retry_later(connection, claim, delay=verdict.delay, error=error)
        else:
            await jobs.give_up(connection, claim, verdict, error=error)

    await jobs.fenced(tools.database, write)
    return "retry" if isinstance(verdict, RetryLater) else verdict.state


async def _record(connection: Connection, claim: jobs.Claim, calls: tuple[CallRecord, ...]) -> None:
    for call in calls:
        _count(call)
    rows = [
        ledger.LedgerRow(
            provider=call.provider,
            model=call.model,
            prompt_tokens=call.usage.input,
            cached_tokens=call.usage.cached_input,
            completion_tokens=call.usage.output,
            cost_usd=call.cost_usd,
            latency_ms=call.latency_ms,
            outcome=call.outcome,
        )
        for call in calls
    ]
    await ledger.record(connection, rows, job_id=claim.job_id, project_id=claim.project_id)


def _count(call: CallRecord) -> None:
    metrics.MODEL_CALLS.labels(call.provider, call.model, call.outcome).inc()
    metrics.MODEL_SECONDS.labels(call.provider).observe(call.latency_ms / 1_000)
    metrics.MODEL_TOKENS.labels(call.provider, "input").inc(call.usage.input)
    metrics.MODEL_TOKENS.labels(call.provider, "output").inc(call.usage.output)
    metrics.MODEL_COST.labels(call.provider).inc(call.cost_usd or 0)
