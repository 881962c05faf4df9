"""The worker's use case with the offline analyser, for as many analyses as there are jobs."""

from __future__ import annotations

from datetime import timedelta

from core.store.budget import Caps
from core.store.database import Database
from infra.simulation.rules import Rules
from worker.providers import heuristic
from worker.providers.breaker import Breaker
from worker.providers.fallback import Chain
from worker.ratelimit import NoRateLimit
from worker.usecases.analyse_event import AnalyseTools, Offline, analyse_event
from worker.usecases.asking import Asking
from worker.usecases.claimed import JobTools


async def analyse_all(database: Database) -> None:
    """Work every job that is queued. Raises RuntimeError when one is not done."""
    rules = Rules()
    tools = AnalyseTools(
        jobs=JobTools(
            database=database,
            policy=rules.retries,
            lease=timedelta(seconds=rules.lease),
            jitter=lambda: 0.5,
        ),
        asking=Asking(
            database=database,
            models=Chain((), breaker=Breaker(), call_timeout=rules.call_timeout),
            rate=NoRateLimit(),
            caps=Caps(),
            budget_seconds=rules.call_timeout,
        ),
        offline=Offline(model=heuristic.MODEL, analyse=heuristic.analyse),
    )
    cursor = await database.autocommit(lambda c: c.execute("SELECT id FROM jobs WHERE state = 'queued'"))
    for (job_id,) in await cursor.fetchall():
        outcome = await analyse_event(job_id, claimed_by="capacity", tools=tools)
        if outcome != "done":
            raise RuntimeError(f"a job ended as {outcome}")
