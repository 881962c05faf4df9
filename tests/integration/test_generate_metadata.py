"""The metadata use case on a real database, with models that are told what to say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.domain.job import RetryPolicy
from core.domain.metadata import Metadata
from core.errors import Failure, NotFound
from core.operations.metadata import Which, request, request_many
from core.queue.names import Outgoing
from core.store import projects
from core.store.budget import Caps
from core.store.database import Database
from core.store.projects import ProjectFields
from tests.integration.conftest import Query
from worker.providers.base import Answer, CallRecord, ChainFailed, Prompt, Usage
from worker.ratelimit import NoRateLimit, SharedRateLimit
from worker.usecases.asking import Asking
from worker.usecases.claimed import JobTools
from worker.usecases.generate_metadata import Extractor, MetadataTools, generate_metadata
from worker.usecases.metadata_task import run_metadata_task
from worker.usecases.nightly import generate_missing

FOUND = Metadata(
    summary="Found.", tags=("redis",), category="software", keywords=(), language="en", confidence=0.7
)


@dataclass(kw_only=True)
class Models:
    failure: Failure | None = None
    price: float = 0.0
    asked: int = 0

    def estimate_usd(self, prompt: Prompt) -> float:
        return self.price

    async def ask(self, prompt: Prompt, parse: Any, *, budget_seconds: float, request_id: str) -> Answer[Any]:
        self.asked += 1
        call = CallRecord(
            provider="openai",
            model="m-1",
            usage=Usage(input=10, output=5),
            cost_usd=self.price,
            latency_ms=3,
            outcome="ok" if self.failure is None else str(self.failure),
        )
        if self.failure is not None:
            raise ChainFailed("openai: 401", failure=self.failure, retry_after=None, calls=(call,))
        return Answer(value=FOUND, provider="openai", model="m-1", calls=(call,))


@dataclass(kw_only=True)
class Sent:
    batches: list[list[Outgoing]] = field(default_factory=list)

    async def send(self, jobs: list[Outgoing]) -> None:
        self.batches.append(list(jobs))


@pytest.fixture
def tools(database: Database) -> MetadataTools:
    return MetadataTools(
        jobs=JobTools(
            database=database,
            policy=RetryPolicy(max_retries=3, base=12, factor=6, longest=600),
            lease=timedelta(seconds=30),
            jitter=lambda: 0.5,
        ),
        asking=Asking(database=database, models=Models(), rate=NoRateLimit(), caps=Caps(), budget_seconds=10),
        extractor=None,
        is_enabled=True,
    )


def with_models(tools: MetadataTools, models: Models, **asking: Any) -> MetadataTools:
    return replace(tools, asking=replace(tools.asking, models=models, **asking))


async def make(database: Database, **fields: Any) -> UUID:
    project_id = uuid4()
    wanted = ProjectFields(**({"key": str(project_id), "content": "About Redis."} | fields))
    await database.autocommit(lambda c: projects.put(c, project_id, wanted))
    return project_id


async def run(project_id: UUID, tools: MetadataTools, task_id: str = "by hand") -> dict[str, Any]:
    return await run_metadata_task(project_id, task_id=task_id, claimed_by=f"test:{uuid4()}", tools=tools)


async def test_a_call_by_hand_generates_then_knows(tools: MetadataTools, query: Query) -> None:
    project_id = await make(tools.jobs.database)
    models = Models()
    first = await run(project_id, with_models(tools, models))
    second = await run(project_id, with_models(tools, models))
    assert (first["status"], first["metadata"]["summary"]) == ("done", "Found.")
    assert second["status"] == "exists"
    assert models.asked == 1
    [row] = query("SELECT model, prompt_version, tags FROM project_metadata")
    assert (row["model"], row["prompt_version"], row["tags"]) == ("m-1", "metadata-1", ["redis"])
    assert len(query("SELECT 1 FROM llm_calls")) == 1


async def test_the_same_text_is_not_asked_about_twice(tools: MetadataTools, query: Query) -> None:
    database = tools.jobs.database
    project_id = await make(database)
    models = Models()
    used = with_models(tools, models)
    await run(project_id, used)
    query("UPDATE jobs SET state = 'queued', due_at = now()")
    assert await generate_metadata(project_id, claimed_by="t", tools=used) == "done"
    assert models.asked == 1
    await request(project_id, force=True, request_id="r", database=database, sender=Sent())
    assert await generate_metadata(project_id, claimed_by="t", tools=used) == "done"
    assert models.asked == 2


async def test_at_the_same_time_it_is_generated_once(tools: MetadataTools) -> None:
    project_id = await make(tools.jobs.database)
    models = Models()
    results = await asyncio.gather(*(run(project_id, with_models(tools, models)) for _ in range(8)))
    assert models.asked == 1
    assert {result["status"] for result in results} <= {"done", "exists", "running", "queued"}


async def test_an_empty_project_is_skipped_and_no_failure(tools: MetadataTools, query: Query) -> None:
    project_id = await make(tools.jobs.database, content=" \n ")
    models = Models()
    result = await run(project_id, with_models(tools, models))
    assert (result["status"], result["reason"], models.asked) == ("skipped", "no content", 0)


async def test_switched_off(tools: MetadataTools) -> None:
    project_id = await make(tools.jobs.database)
    result = await run(project_id, replace(tools, is_enabled=False))
    assert (result["status"], result["reason"]) == ("skipped", "switched off")


async def test_no_such_project(tools: MetadataTools) -> None:
    with pytest.raises(NotFound):
        await run(uuid4(), tools)


async def test_the_extractor_is_the_last_resort(tools: MetadataTools, query: Query) -> None:
    project_id = await make(tools.jobs.database)
    extractor = Extractor(model="extractive-1", extract=lambda text, wishes: FOUND)
    used = replace(with_models(tools, Models(failure=Failure.AUTH)), extractor=extractor)
    assert (await run(project_id, used))["status"] == "done"
    [row] = query("SELECT model FROM project_metadata")
    assert row["model"] == "extractive-1"


async def test_a_permanent_failure_waits_for_a_change(tools: MetadataTools, query: Query) -> None:
    database = tools.jobs.database
    project_id = await make(database)
    failing = with_models(tools, Models(failure=Failure.AUTH))
    result = await run(project_id, failing)
    assert (result["status"], result["reason"]) == ("failed", "auth")
    sent = Sent()
    assert (await generate_missing(database=database, sender=sent, request_id="r")).projects == 0
    query("UPDATE projects SET updated_at = now() + interval '1 s'")
    assert (await generate_missing(database=database, sender=sent, request_id="r")).projects == 1


async def test_a_message_that_comes_twice_does_not_redrive_its_job(
    tools: MetadataTools, query: Query
) -> None:
    project_id = await make(tools.jobs.database)
    failing = Models(failure=Failure.AUTH)
    first = await run(project_id, with_models(tools, failing))
    again = await run(project_id, with_models(tools, failing), task_id=first["job_id"])
    assert (again["status"], failing.asked) == ("failed", 1)
    by_hand = await run(project_id, with_models(tools, failing))
    assert (by_hand["status"], failing.asked) == ("failed", 2)


async def test_nightly_in_batches_of_ten(tools: MetadataTools, query: Query) -> None:
    database = tools.jobs.database
    for _ in range(25):
        await make(database)
    await make(database, status="draft")
    await make(database, content="")
    sent = Sent()
    queued = await generate_missing(database=database, sender=sent, request_id="r")
    assert (queued.projects, queued.batches) == (25, 3)
    assert [len(batch) for batch in sent.batches] == [10, 10, 5]
    again = await generate_missing(database=database, sender=sent, request_id="r")
    assert again.projects == 0
    assert len(query("SELECT 1 FROM jobs WHERE state = 'queued'")) == 25


async def test_regenerate_failed_and_all(tools: MetadataTools, query: Query) -> None:
    database = tools.jobs.database
    good, bad = await make(database), await make(database)
    await run(good, tools)
    await run(bad, with_models(tools, Models(failure=Failure.REJECTED)))
    sent = Sent()

    async def count(which: Which) -> int:
        sizes = request_many(which, force=False, request_id="r", database=database, sender=sent)
        return sum([size async for size in sizes])

    assert await count(Which.FAILED) == 1
    assert [job.subject_id for job in sent.batches[-1]] == [bad]
    assert await count(Which.ALL) == 1
    assert [job.subject_id for job in sent.batches[-1]] == [good]


async def test_the_rate_limit_is_shared(tools: MetadataTools, redis_url: str, query: Query) -> None:
    """Two limiters on one Redis, as two worker processes have them."""
    limits = [SharedRateLimit(redis_url, name="metadata", rate="5/minute", timeout=1) for _ in range(2)]
    models = Models()
    ids = [await make(tools.jobs.database) for _ in range(9)]
    results = [
        await run(project_id, with_models(tools, models, rate=limits[number % 2]))
        for number, project_id in enumerate(ids)
    ]
    for limit in limits:
        await limit.aclose()
    assert [result["status"] for result in results] == ["done"] * 5 + ["queued"] * 4
    assert models.asked == 5
    waiting = query(
        "SELECT attempts, extract(epoch FROM due_at - now()) AS wait FROM jobs WHERE state = 'queued'"
    )
    assert {row["attempts"] for row in waiting} == {0}
    assert all(30 < row["wait"] <= 61 for row in waiting)


async def test_over_budget_is_skipped_seen_and_resumed(tools: MetadataTools, query: Query) -> None:
    ids = [await make(tools.jobs.database) for _ in range(4)]
    models = Models(price=0.4)
    capped = with_models(tools, models, caps=Caps(day=1.0))
    results = [await run(project_id, capped) for project_id in ids]
    assert [result["status"] for result in results] == ["done", "done", "skipped", "skipped"]
    assert results[-1]["reason"] == "budget"
    assert models.asked == 2
    [job] = query("SELECT due_at > now() AS later, attempts FROM jobs WHERE reason = 'budget' LIMIT 1")
    assert (job["later"], job["attempts"]) == (True, 0)
    [window] = query(
        "SELECT spent::float FROM budget_windows WHERE scope = %s AND period = 'day'", UUID(int=0)
    )
    assert window["spent"] == 0.8
    assert query("SELECT 1 FROM budget_holds") == []


async def test_a_projects_own_cap(tools: MetadataTools) -> None:
    frugal = await make(tools.jobs.database, budget_month_usd=0.3)
    other = await make(tools.jobs.database)
    priced = with_models(tools, Models(price=0.4))
    assert (await run(frugal, priced))["reason"] == "budget"
    assert (await run(other, priced))["status"] == "done"


async def test_fifty_racing_workers_never_overspend(tools: MetadataTools, query: Query) -> None:
    ids = [await make(tools.jobs.database) for _ in range(50)]
    models = Models(price=0.1)
    capped = with_models(tools, models, caps=Caps(day=1.0))
    results = await asyncio.gather(*(run(project_id, capped) for project_id in ids))
    done = sum(result["status"] == "done" for result in results)
    [spent] = query("SELECT sum(cost_usd)::float AS usd FROM llm_calls")
    assert done == models.asked
    assert 0.9 <= round(spent["usd"], 6) <= 1.1


async def test_holds_and_settling_do_not_deadlock(tools: MetadataTools, query: Query) -> None:
    ids = [await make(tools.jobs.database, budget_day_usd=50) for _ in range(40)]
    priced = with_models(tools, Models(price=0.01), caps=Caps(day=100, month=100))
    results = await asyncio.gather(*(run(project_id, priced) for project_id in ids))
    assert {result["status"] for result in results} == {"done"}
    [found] = query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert found["deadlocks"] == 0


async def test_room_that_others_hold_is_waited_for(tools: MetadataTools, query: Query) -> None:
    project_id = await make(tools.jobs.database)
    query(
        "INSERT INTO budget_holds (job_id, project_id, usd, held_until)"
        " VALUES (gen_random_uuid(), %s, 0.9, now() + interval '1 h')",
        project_id,
    )
    capped = with_models(tools, Models(price=0.4), caps=Caps(month=1.0))
    result = await run(project_id, capped)
    assert (result["status"], "due_at" in result) == ("queued", True)


async def test_asked_for_while_it_runs_it_runs_again(tools: MetadataTools, query: Query) -> None:
    database = tools.jobs.database
    project_id = await make(database)

    @dataclass(kw_only=True)
    class Slow(Models):
        async def ask(self, *arguments: Any, **options: Any) -> Answer[Any]:
            if not self.asked:
                query("UPDATE projects SET content = 'Another text.'")
                await request(project_id, force=False, request_id="r", database=database, sender=Sent())
            return await super().ask(*arguments, **options)

    slow = Slow()
    await request(project_id, force=False, request_id="r", database=database, sender=Sent())
    await generate_metadata(project_id, claimed_by="t", tools=with_models(tools, slow))
    [job] = query("SELECT state, finished_at FROM jobs")
    assert (job["state"], job["finished_at"]) == ("queued", None)
    assert await generate_metadata(project_id, claimed_by="t", tools=with_models(tools, slow)) == "done"
    assert slow.asked == 2
    [job] = query("SELECT state FROM jobs")
    assert job["state"] == "done"
