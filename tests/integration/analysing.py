"""What the tests of analyses share: models that are told what to say, and a job to work."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2

from core.domain.analysis import Analysis, Category
from core.domain.ids import new_id
from core.domain.job import RetryPolicy
from core.errors import Failure
from core.store.budget import Caps
from core.store.database import Database
from tests.integration.conftest import Query, guide_event
from worker.providers.base import Answer, CallRecord, ChainFailed, Prompt, Usage
from worker.ratelimit import NoRateLimit
from worker.usecases.analyse_event import AnalyseTools, analyse_event
from worker.usecases.asking import Asking
from worker.usecases.claimed import JobTools

EVENTS = "/api/v1/events"
CALL = CallRecord(
    provider="openai",
    model="m-1",
    usage=Usage(input=100, output=50, cached_input=10),
    cost_usd=0.001,
    latency_ms=12,
    outcome="ok",
)

_claims = itertools.count(1)


def a_call() -> CallRecord:
    return replace(CALL, id=new_id())


@dataclass(kw_only=True)
class ScriptedModels:
    """Answers, or fails with `failure`; `before` runs while the model is being asked."""

    text: str = "first"
    failure: ChainFailed | None = None
    before: Callable[[], object] | None = None
    asked: list[str] = field(default_factory=list)

    def estimate_usd(self, prompt: Prompt) -> float:
        return 0.0

    async def ask(
        self,
        prompt: Prompt,
        parse: Callable[[str], Any],
        *,
        budget_seconds: float,
        request_id: str,
    ) -> Answer[Any]:
        self.asked.append(request_id)
        if self.before is not None:
            waiting = self.before()
            if asyncio.iscoroutine(waiting):
                await waiting
        if self.failure is not None:
            self.failure.calls = tuple(replace(call, id=new_id()) for call in self.failure.calls)
            raise self.failure
        value = Analysis(
            root_cause=self.text,
            category=Category.TIMEOUT,
            evidence=("Server error",),
            suggested_fix="fix",
            unknowns=(),
            confidence=0.5,
        )
        return Answer(value=value, provider="openai", model="m-1", calls=(a_call(),))


def failing(failure: Failure, retry_after: float | None = None) -> ScriptedModels:
    call = replace(CALL, outcome=str(failure))
    return ScriptedModels(
        failure=ChainFailed("openai: 500", failure=failure, retry_after=retry_after, calls=(call,))
    )


def tools_for(database: Database) -> AnalyseTools:
    return AnalyseTools(
        jobs=JobTools(
            database=database,
            policy=RetryPolicy(max_retries=3, base=12, factor=6, longest=600),
            lease=timedelta(seconds=30),
            jitter=lambda: 0.5,
        ),
        asking=Asking(
            database=database,
            models=ScriptedModels(),
            rate=NoRateLimit(),
            caps=Caps(),
            budget_seconds=10,
        ),
        offline=None,
    )


async def queued(client: httpx2.AsyncClient, query: Query, **changes: object) -> UUID:
    await client.post(EVENTS, json=guide_event(**changes))
    [job] = query("SELECT id FROM jobs")
    id_: UUID = job["id"]
    return id_


async def work(job_id: UUID, tools: AnalyseTools, models: ScriptedModels | None = None) -> str:
    used = replace(tools, asking=replace(tools.asking, models=models)) if models else tools
    return await analyse_event(job_id, claimed_by=f"test:{next(_claims)}", tools=used)
