"""The analyse use case on a real database, with models that are told what to say."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from core.domain.analysis import Analysis, Category
from core.domain.ids import new_id
from core.domain.job import RetryPolicy
from core.errors import Failure, StoreUnavailable
from core.store.budget import Caps
from core.store.database import Database
from infra.local.postgres import PostgresServer
from tests.faults.proxy import Cut, Proxy
from tests.integration.conftest import DEV_TOKEN, Query, guide_event
from worker.loop import STOPPING
from worker.providers.base import Answer, CallRecord, ChainFailed, Prompt, Usage
from worker.ratelimit import NoRateLimit
from worker.usecases import analyse_event as use_case
from worker.usecases.analyse_event import AnalyseTools, Offline, analyse_event
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


@pytest.fixture
def tools(database: Database) -> AnalyseTools:
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


async def test_one_call_and_a_row_for_each_event(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    for _ in range(5):
        job_id = await queued(client, query)
    models = ScriptedModels()
    assert await work(job_id, tools, models) == "done"
    assert len(models.asked) == 1
    rows = query("SELECT * FROM error_analysis")
    assert len(rows) == 5
    [original] = [row for row in rows if row["reused_from"] is None]
    assert {row["reused_from"] for row in rows} == {None, original["error_event_id"]}
    assert {row["analysis_text"] for row in rows} == {original["analysis_text"]}
    assert "first" in original["analysis_text"]
    assert original["detail"]["category"] == "timeout"
    [call] = query("SELECT * FROM llm_calls")
    assert (call["prompt_tokens"], call["completion_tokens"], call["cached_tokens"]) == (100, 50, 10)
    assert float(call["cost_usd"]) == 0.001
    [job] = query("SELECT * FROM jobs")
    assert (job["state"], job["claimed_by"], job["lease_until"]) == ("done", None, None)
    assert models.asked == [job["request_id"]]


async def test_later_events_reuse_it_at_once(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    await work(await queued(client, query), tools)
    response = await client.post(EVENTS, json=guide_event())
    assert response.json()["analysis"] == "reused"
    again = await client.post(EVENTS, json=guide_event(event_id="e"))
    same = await client.post(EVENTS, json=guide_event(event_id="e"))
    assert (again.json()["analysis"], same.json()["analysis"]) == ("reused", "reused")
    assert len(query("SELECT 1 FROM error_analysis")) == 3
    assert len(query("SELECT 1 FROM jobs")) == 1


async def test_events_that_come_while_the_model_thinks_get_it_too(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    job_id = await queued(client, query)

    async def more() -> None:
        for _ in range(10):
            await client.post(EVENTS, json=guide_event())

    assert await work(job_id, tools, ScriptedModels(before=more)) == "done"
    assert len(query("SELECT 1 FROM error_analysis")) == 11


async def test_no_event_slips_between_ingest_and_publish(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    """Ingest and publish race on purpose, again and again: every event must end with its row."""
    for round_ in range(15):
        event = guide_event(project_key=f"p{round_}")
        first = await client.post(EVENTS, json=event)
        [job] = query("SELECT id FROM jobs WHERE state = 'queued'")
        sending = [client.post(EVENTS, json=event) for _ in range(12)]
        outcome, *_ = await asyncio.gather(work(job["id"], tools), *sending)
        assert (first.status_code, outcome) == (202, "done")
    missing = query(
        "SELECT e.id FROM error_events e LEFT JOIN error_analysis a ON a.error_event_id = e.id"
        " WHERE a.error_event_id IS NULL"
    )
    assert missing == []
    assert len(query("SELECT 1 FROM llm_calls")) == 15


async def test_a_large_group_is_copied_in_batches(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    job_id = await queued(client, query)
    query(
        "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at, received_at)"
        " SELECT gen_random_uuid(), project_id, group_id, 500, payload, now(), now() - n * interval '1 ms'"
        " FROM error_events, generate_series(1, %s) AS n",
        2 * use_case.COPIES_A_BATCH + 10,
    )
    assert await work(job_id, tools) == "done"
    assert len(query("SELECT 1 FROM error_analysis")) == 2 * use_case.COPIES_A_BATCH + 11


async def test_a_job_is_worked_once(client: httpx2.AsyncClient, query: Query, tools: AnalyseTools) -> None:
    job_id = await queued(client, query)
    models = ScriptedModels(before=lambda: asyncio.sleep(0.1))
    outcomes = await asyncio.gather(*(work(job_id, tools, models) for _ in range(10)))
    assert sorted(outcomes) == ["done"] + ["not_claimed"] * 9
    assert len(models.asked) == 1
    assert await work(job_id, tools, models) == "not_claimed"


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


async def test_force_asks_again_and_renews_the_copies(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    for _ in range(3):
        job_id = await queued(client, query)
    await work(job_id, tools)
    [group] = query("SELECT id FROM error_groups")
    path = f"/api/v1/groups/{group['id']}/analyse/"
    headers = {"Authorization": f"Bearer {DEV_TOKEN}"}
    assert (await client.post(path)).status_code == 401
    unforced = await client.post(path, headers=headers)
    assert (unforced.status_code, unforced.json()["state"]) == (202, "done")
    forced = await client.post(f"{path}?force=true", headers=headers)
    assert forced.json() == {"job_id": str(job_id), "state": "queued"}
    assert await work(job_id, tools, ScriptedModels(text="second")) == "done"
    rows = query("SELECT analysis_text, reused_from FROM error_analysis")
    assert len(rows) == 3
    assert sum(row["reused_from"] is None for row in rows) == 1
    assert all("second" in row["analysis_text"] for row in rows)


async def test_a_group_of_client_errors_has_nothing_to_analyse(
    client: httpx2.AsyncClient, query: Query
) -> None:
    await client.post(EVENTS, json=guide_event(status_code=404))
    [group] = query("SELECT id FROM error_groups")
    headers = {"Authorization": f"Bearer {DEV_TOKEN}"}
    response = await client.post(f"/api/v1/groups/{group['id']}/analyse?force=true", headers=headers)
    assert response.status_code == 409


async def test_a_job_whose_events_are_gone_is_skipped(
    client: httpx2.AsyncClient, query: Query, tools: AnalyseTools
) -> None:
    job_id = await queued(client, query)
    query("DELETE FROM error_events")
    assert await work(job_id, tools) == "skipped"
    [job] = query("SELECT state, reason FROM jobs")
    assert (job["state"], job["reason"]) == ("skipped", "no event with status 500 or above")


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
