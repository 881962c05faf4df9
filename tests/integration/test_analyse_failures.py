"""Analyses that fail, are cut off, or lose their claim: what is tried again, and what is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest

from core.domain.analysis import Analysis, Category
from core.errors import Failure, StoreUnavailable
from core.store.database import Database
from infra.local.postgres import PostgresServer
from tests.faults.proxy import Cut, Proxy
from tests.integration.analysing import ScriptedModels, failing, queued, tools_for, work
from tests.integration.conftest import Query
from worker.loop import STOPPING
from worker.usecases.analyse_event import AnalyseTools, Offline


@pytest.fixture
def tools(database: Database) -> AnalyseTools:
    return tools_for(database)


@pytest.mark.parametrize(
    ("failure", "outcome", "state"),
    [
        (Failure.RETRYABLE, "retry", "queued"),
        (Failure.QUOTA, "retry", "queued"),
        (Failure.AUTH, "failed", "failed"),
        (Failure.REJECTED, "failed", "failed"),
    ],
)
async def test_failures(
    client: httpx2.AsyncClient,
    query: Query,
    tools: AnalyseTools,
    failure: Failure,
    outcome: str,
    state: str,
) -> None:
    job_id = await queued(client, query)
    assert await work(job_id, tools, failing(failure)) == outcome
    [job] = query("SELECT *, due_at > now() + interval '5 s' AS later FROM jobs")
    assert (job["state"], job["attempts"], job["last_error"]) == (state, 1, "openai: 500")
    assert job["later"] is (state == "queued")
    assert [row["outcome"] for row in query("SELECT outcome FROM llm_calls")] == [failure]
    assert query("SELECT 1 FROM error_analysis") == []
    assert await work(job_id, tools) == "not_claimed"


async def test_waits_grow_and_then_it_is_dead(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    job_id = await queued(client, query)
    waits = []
    for _ in range(4):
        outcome = await work(job_id, tools, failing(Failure.RETRYABLE))
        [job] = query("SELECT state, reason, extract(epoch FROM due_at - now())::int AS wait FROM jobs")
        waits.append(job["wait"])
        query("UPDATE jobs SET due_at = now()")
    assert outcome == "dead"
    assert (job["state"], job["reason"]) == ("dead", "retryable")
    assert [round(wait, -1) for wait in waits[:3]] == [10, 70, 430]


async def test_retry_after_is_waited_for(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    job_id = await queued(client, query)
    await work(job_id, tools, failing(Failure.RETRYABLE, retry_after=120))
    [job] = query("SELECT extract(epoch FROM due_at - now())::int AS wait FROM jobs")
    assert 115 <= job["wait"] <= 120


async def test_the_offline_analyser_is_the_last_resort(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    job_id = await queued(client, query)
    found = Analysis(
        root_cause="by rules",
        category=Category.UNKNOWN,
        evidence=(),
        suggested_fix="look",
        unknowns=("all",),
        confidence=0.2,
    )
    offline = Offline(model="heuristic-1", analyse=lambda _: found)
    assert await work(job_id, replace(tools, offline=offline), failing(Failure.AUTH)) == "done"
    [row] = query("SELECT model, confidence FROM error_analysis")
    assert (row["model"], row["confidence"]) == ("heuristic-1", 0.2)
    calls = query("SELECT provider, outcome, cost_usd::float FROM llm_calls ORDER BY provider")
    assert [(c["provider"], c["outcome"], c["cost_usd"]) for c in calls] == [
        ("heuristic", "ok", 0.0),
        ("openai", "auth", 0.001),
    ]


async def test_a_lost_claim_writes_nothing_but_what_its_calls_cost(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    job_id = await queued(client, query)
    stolen = ScriptedModels(before=lambda: query("UPDATE jobs SET claimed_by = 'another'"))
    assert await work(job_id, tools, stolen) == "claim_lost"
    assert query("SELECT 1 FROM error_analysis") == []
    assert len(query("SELECT 1 FROM llm_calls")) == 1
    [job] = query("SELECT state, claimed_by FROM jobs")
    assert (job["state"], job["claimed_by"]) == ("running", "another")


async def test_the_lease_is_renewed_while_a_model_thinks_and_its_loss_stops_the_work(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    job_id = await queued(client, query)
    short = replace(tools, jobs=replace(tools.jobs, lease=timedelta(seconds=0.3)))
    slow = ScriptedModels(before=lambda: asyncio.sleep(1))
    assert await work(job_id, short, slow) == "done"
    query("UPDATE jobs SET state = 'queued', due_at = now(), force = true")

    async def steal() -> None:
        query("UPDATE jobs SET claimed_by = 'another'")
        await asyncio.sleep(30)

    assert await work(job_id, short, ScriptedModels(before=steal)) == "claim_lost"


async def test_a_bug_counts_as_an_attempt(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    def bug() -> None:
        raise ZeroDivisionError

    job_id = await queued(client, query)
    assert await work(job_id, tools, ScriptedModels(before=bug)) == "retry"
    [job] = query("SELECT last_error FROM jobs")
    assert job["last_error"] == "bug: ZeroDivisionError"


@pytest.mark.parametrize(
    ("reason", "attempts", "error"),
    [("SoftTimeLimitExceeded", 1, "stopped at the time limit"), (STOPPING, 0, None)],
)
async def test_a_time_limit_counts_as_an_attempt_and_a_shutdown_does_not(
    client: httpx2.AsyncClient,
    query: Query,
    tools: AnalyseTools,
    reason: str,
    attempts: int,
    error: str | None,
) -> None:
    job_id = await queued(client, query)
    task = asyncio.create_task(work(job_id, tools, ScriptedModels(before=lambda: asyncio.sleep(30))))
    await asyncio.sleep(0.3)
    task.cancel(reason)
    with pytest.raises(asyncio.CancelledError):
        await task
    [job] = query("SELECT state, attempts, last_error FROM jobs")
    assert (job["state"], job["attempts"], job["last_error"]) == ("queued", attempts, error)


async def test_postgres_away_at_the_claim(tools: AnalyseTools) -> None:
    class Away(Database):
        async def transaction(self, work: object) -> object:  # type: ignore[override]
            raise StoreUnavailable("away")

    away = Away("postgresql://localhost/none", pool_size=1, timeout=1)
    assert (
        await work(UUID(int=0), replace(tools, jobs=replace(tools.jobs, database=away)))
        == "store_unavailable"
    )


@pytest.mark.parametrize("answers", ["the claim's", "the end's"])
async def test_a_commit_whose_answer_is_lost(
    client: httpx2.AsyncClient,
    query: Query,
    tools: AnalyseTools,
    postgres: PostgresServer,
    database_url: str,
    answers: str,
) -> None:
    """Done once, and paid for once: whoever was cut off does not know whether it happened."""
    job_id = await queued(client, query)
    query(
        "INSERT INTO budget_windows (scope, period, starts, spent)"
        " VALUES (%s, 'day', (now() AT TIME ZONE 'UTC')::date, 0)",
        UUID(int=0),
    )
    assert postgres.port is not None
    with Proxy(postgres.port) as proxy:
        cut = Cut(marker=b"COMMIT\0", is_said_by_client=False, times=1)

        def cut_now() -> None:
            proxy.cut = cut

        url = database_url.replace(f":{postgres.port}/", f":{proxy.port}/")
        database = Database(url, pool_size=2, timeout=5)
        models = ScriptedModels(before=cut_now)
        if answers == "the claim's":
            cut_now()
            models = ScriptedModels()
        distant = replace(
            tools,
            jobs=replace(tools.jobs, database=database),
            asking=replace(tools.asking, database=database, models=models),
        )
        outcome = await work(job_id, distant)
        await database.aclose()
    assert cut.done == 1
    assert outcome in {"done", "claim_lost"}
    [job] = query("SELECT state, attempts FROM jobs")
    assert (job["state"], job["attempts"]) == ("done", 1)
    assert len(models.asked) == 1
    assert query("SELECT count(*) AS n FROM error_analysis") == [{"n": 1}]
    assert query("SELECT count(*) AS n FROM llm_calls") == [{"n": 1}]
    [window] = query("SELECT spent FROM budget_windows")
    assert float(window["spent"]) == 0.001


async def test_an_answer_waits_for_a_database_that_is_away(
    client: httpx2.AsyncClient,
    query: Query,
    tools: AnalyseTools,
    postgres: PostgresServer,
    database_url: str,
) -> None:
    """It was paid for; and to leave the job to its lease would take longer than the outage."""
    job_id = await queued(client, query)
    assert postgres.port is not None
    with Proxy(postgres.port) as proxy:
        database = Database(proxy.routed(database_url), pool_size=2, timeout=1)
        coming_back: list[asyncio.Task[None]] = []

        async def come_back() -> None:
            await asyncio.sleep(4)
            proxy.pass_on()

        def go_away() -> None:
            proxy.refuse()
            coming_back.append(asyncio.create_task(come_back()))

        models = ScriptedModels(before=go_away)
        distant = replace(
            tools,
            jobs=replace(tools.jobs, database=database, patience=timedelta(seconds=60)),
            asking=replace(tools.asking, database=database, models=models),
        )
        assert await work(job_id, distant) == "done"
        await asyncio.gather(*coming_back)
        await database.aclose()
    assert len(models.asked) == 1
    assert query("SELECT state, attempts FROM jobs") == [{"state": "done", "attempts": 1}]
