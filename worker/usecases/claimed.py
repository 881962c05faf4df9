"""What working any job has in common: take it, keep it, and end it one way or another.

What a kind of job does itself is a function of its claim and subject that gives the outcome in a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from core import log, metrics
from core.domain.job import JobKind, RetryLater, RetryPolicy, after_failure
from core.errors import ClaimLost, Failure, StoreUnavailable
from core.store import budget, jobs, ledger
from core.store.database import Connection, Cursor, Database, Work
from worker.loop import STOPPING
from worker.providers.base import CallRecord, ChainFailed
from worker.usecases.asking import NotYet, OverBudget
from worker.usecases.lease import under_lease
from worker.usecases.outage import through_outage

S = TypeVar("S")
T = TypeVar("T")
logger = logging.getLogger(__name__)

NOT_CLAIMED = "not_claimed"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobTools:
    """What any job is worked with. `jitter` gives numbers from 0 to 1. `patience`: how long a worker waits
    for a PostgreSQL that is away, where it has a job or an answer at hand."""

    database: Database
    policy: RetryPolicy
    lease: timedelta
    jitter: Callable[[], float]
    patience: timedelta = timedelta(0)


async def work_claimed(
    job_id: UUID,
    kind: JobKind,
    *,
    claimed_by: str,
    ask: Callable[[Connection, UUID], Awaitable[Cursor]],
    read: Callable[[Cursor], Awaitable[S]],
    work: Callable[[jobs.Claim, S], Coroutine[Any, Any, str]],
    tools: JobTools,
) -> str:
    """Take the job with what it is about (`ask`, `read`), and `work` it. Gives the outcome in a word."""

    async def take(connection: Connection) -> tuple[Cursor, Cursor]:
        claimed = await jobs.claim(connection, job_id, kind=kind, claimed_by=claimed_by, lease=tools.lease)
        return claimed, await ask(connection, job_id)

    try:
        claimed, asked = await through_outage(
            lambda: tools.database.transaction(take), patience=tools.patience
        )
        claim = await jobs.read_claim(claimed, job_id, kind=kind, claimed_by=claimed_by)
        if claim is None:
            return NOT_CLAIMED
        with log.bound(job_id=str(job_id), request_id=claim.request_id):
            outcome = await _guarded(claim, work(claim, await read(asked)), tools)
            logger.info("job %s", outcome, extra={"attempt": claim.attempts})
            return outcome
    except ClaimLost:
        logger.warning("the claim was lost; nothing is written", extra={"job_id": str(job_id)})
        return "claim_lost"
    except StoreUnavailable:
        # Queued, it is sent again; claimed, its lease runs out: either way the sweeper finds it.
        logger.warning("PostgreSQL does not answer; the job will run again", extra={"job_id": str(job_id)})
        return "store_unavailable"


async def _guarded(claim: jobs.Claim, work: Coroutine[Any, Any, str], tools: JobTools) -> str:
    try:
        return await under_lease(work, claim, database=tools.database, lease=tools.lease)
    except asyncio.CancelledError as exc:
        if exc.args == (STOPPING,):
            await jobs.fenced(tools.database, lambda c: jobs.give_back(c, claim))
        else:
            await fail(claim, Failure.RETRYABLE, "stopped at the time limit", tools)
        raise
    except ChainFailed as exc:
        return await fail(claim, exc.failure, str(exc), tools, retry_after=exc.retry_after, calls=exc.calls)
    except NotYet as exc:
        delay = exc.delay
        await fenced(lambda c: jobs.give_back(c, claim, delay=delay), tools)
        return "waits_for_turn"
    except OverBudget as exc:
        await _pause(claim, exc.period, tools)
        return "skipped"
    except (ClaimLost, StoreUnavailable):
        raise
    except Exception as exc:
        # A fault of ours must not lose the job nor run it for ever: it counts as an attempt.
        logger.exception("unexpected error")
        return await fail(claim, Failure.RETRYABLE, f"bug: {type(exc).__name__}", tools)


async def _pause(claim: jobs.Claim, period: str, tools: JobTools) -> None:
    async def write(connection: Connection) -> None:
        until = await budget.time_to_next(connection, period)
        await jobs.pause(connection, claim, reason="budget", until=until)

    await fenced(write, tools)


async def fail(
    claim: jobs.Claim,
    failure: Failure,
    error: str,
    tools: JobTools,
    *,
    retry_after: float | None = None,
    calls: tuple[CallRecord, ...] = (),
) -> str:
    """Note the calls and end the attempt: another one later, or none. Gives the outcome in a word."""
    verdict = after_failure(
        failure,
        attempts=claim.attempts,
        retry_after=retry_after,
        policy=tools.policy,
        jitter=tools.jitter(),
    )

    async def write(connection: Connection) -> None:
        await record(connection, claim, calls)
        if isinstance(verdict, RetryLater):
            await jobs.retry_later(connection, claim, delay=verdict.delay, error=error)
        else:
            await jobs.give_up(connection, claim, verdict, error=error)

    await fenced_with_calls(claim, calls, write, tools)
    return "retry" if isinstance(verdict, RetryLater) else verdict.state


async def fenced(work: Work[T], tools: JobTools) -> T:
    """`jobs.fenced`, waiting for a PostgreSQL that is away. Nobody else can take the job from us then; who
    does when it is back, and sooner, makes this raise ClaimLost."""
    return await through_outage(lambda: jobs.fenced(tools.database, work), patience=tools.patience)


async def fenced_with_calls(
    claim: jobs.Claim, calls: tuple[CallRecord, ...], work: Work[T], tools: JobTools
) -> T:
    """`fenced` for work that records `calls`: where the claim is lost, what they cost is noted still."""
    try:
        done = await fenced(work, tools)
    except ClaimLost:
        with contextlib.suppress(StoreUnavailable):
            await tools.database.transaction(lambda connection: record(connection, claim, calls))
        raise
    finally:
        for call in calls:
            _count(call)
    return done


async def record(connection: Connection, claim: jobs.Claim, calls: tuple[CallRecord, ...]) -> None:
    """Write the calls into the ledger and settle what was held for them. In the job's transaction."""
    rows = [
        ledger.LedgerRow(
            id=call.id,
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
    # In this order: what the ledger has was counted. A commit whose answer was lost makes this run twice.
    await budget.settle(
        connection,
        job_id=claim.job_id,
        project_id=claim.project_id,
        spent={call.id: call.cost_usd or 0 for call in calls},
    )
    await ledger.record(connection, rows, job_id=claim.job_id, project_id=claim.project_id)


def _count(call: CallRecord) -> None:
    metrics.MODEL_CALLS.labels(call.provider, call.model, call.outcome).inc()
    metrics.MODEL_SECONDS.labels(call.provider).observe(call.latency_ms / 1_000)
    metrics.MODEL_TOKENS.labels(call.provider, "input").inc(call.usage.input)
    metrics.MODEL_TOKENS.labels(call.provider, "output").inc(call.usage.output)
    metrics.MODEL_COST.labels(call.provider).inc(call.cost_usd or 0)
