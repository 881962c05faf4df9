"""The analyse use case on a real database, with models that are told what to say."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from core.store.database import Database
from tests.integration.analysing import EVENTS, ScriptedModels, queued, tools_for, work
from tests.integration.conftest import DEV_TOKEN, Query, guide_event
from worker.usecases import analyse_event as use_case
from worker.usecases.analyse_event import AnalyseTools


@pytest.fixture
def tools(database: Database) -> AnalyseTools:
    return tools_for(database)


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
        use_case.FIRST_COPIES + 2 * use_case.COPIES_A_BATCH + 10,
    )
    assert await work(job_id, tools) == "done"
    assert (
        len(query("SELECT 1 FROM error_analysis")) == use_case.FIRST_COPIES + 2 * use_case.COPIES_A_BATCH + 11
    )


async def test_a_job_is_worked_once(client: httpx2.AsyncClient, query: Query, tools: AnalyseTools) -> None:
    job_id = await queued(client, query)
    models = ScriptedModels(before=lambda: asyncio.sleep(0.1))
    outcomes = await asyncio.gather(*(work(job_id, tools, models) for _ in range(10)))
    assert sorted(outcomes) == ["done"] + ["not_claimed"] * 9
    assert len(models.asked) == 1
    assert await work(job_id, tools, models) == "not_claimed"


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
