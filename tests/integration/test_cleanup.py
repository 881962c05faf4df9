"""What is old goes; what is still needed stays."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import httpx2
import psycopg

from core.store.database import Database
from tests.integration.conftest import DEV_TOKEN, Query, guide_event
from tests.integration.test_projects import give_metadata
from worker.usecases.cleanup import Ages, clean_up

DAYS = Ages(
    drafts=timedelta(days=90), events=timedelta(days=90), jobs=timedelta(days=90), calls=timedelta(days=400)
)
EVENTS = "/api/v1/events"

ANALYSE = (
    "INSERT INTO error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,"
    " prompt_version, reused_from) SELECT e.id, e.group_id, 'because', 'm', 0.5, '{}', 'analysis-1',"
    " nullif(o.id, e.id) FROM error_events e, (SELECT id FROM error_events ORDER BY received_at LIMIT 1) o"
)


async def test_a_living_group_keeps_its_analysis(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    for _ in range(3):
        await client.post(EVENTS, json=guide_event())
    query(ANALYSE)
    query("UPDATE jobs SET state = 'done', finished_at = now() - interval '100 days'")
    query(
        "UPDATE error_events SET received_at = now() - interval '100 days'"
        " WHERE id <> (SELECT id FROM error_events ORDER BY received_at DESC LIMIT 1)"
    )
    assert (await clean_up(database, DAYS)).deleted["events"] == 2
    [kept] = query("SELECT reused_from FROM error_analysis")
    assert kept["reused_from"] is None
    response = await client.post(EVENTS, json=guide_event())
    assert response.json()["analysis"] == "reused"


async def test_a_group_without_events_goes_and_comes_back_as_new(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    await client.post(EVENTS, json=guide_event())
    query(ANALYSE)
    query("UPDATE jobs SET state = 'done', finished_at = now() - interval '100 days'")
    query("UPDATE error_events SET received_at = now() - interval '100 days'")
    query("UPDATE error_groups SET first_seen = now() - interval '100 days'")
    await clean_up(database, DAYS)
    for rows in (
        "SELECT 1 FROM error_events",
        "SELECT 1 FROM error_analysis",
        "SELECT 1 FROM error_groups",
        "SELECT 1 FROM jobs",
    ):
        assert query(rows) == []
    assert (await client.post(EVENTS, json=guide_event())).json()["analysis"] == "queued"


async def test_metadata_of_nothing_and_of_old_drafts(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    kept, draft, emptied = uuid4(), uuid4(), uuid4()
    token = {"Authorization": f"Bearer {DEV_TOKEN}"}
    for project_id, fields in [
        (kept, {"content": "text"}),
        (draft, {"content": "text", "status": "draft"}),
        (emptied, {}),
    ]:
        await client.put(f"/api/projects/{project_id}", json=fields, headers=token)
        await give_metadata(database, project_id)
    query("UPDATE projects SET updated_at = now() - interval '91 days'")
    found = (await clean_up(database, DAYS)).deleted
    assert (found["orphaned_metadata"], found["draft_metadata"]) == (1, 1)
    assert [row["project_id"] for row in query("SELECT project_id FROM project_metadata")] == [kept]


async def test_many_are_deleted_in_batches(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    await client.post(EVENTS, json=guide_event())
    query(
        "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at, received_at)"
        " SELECT gen_random_uuid(), project_id, group_id, 500, payload, now(), now() - interval '200 days'"
        " FROM error_events, generate_series(1, 2500)"
    )
    query(
        "INSERT INTO llm_calls (id, job_id, project_id, provider, model, prompt_tokens, cached_tokens,"
        " completion_tokens, latency_ms, outcome) SELECT"
        " (lpad(to_hex((extract(epoch FROM now() - n * interval '1 day') * 1000)::bigint), 12, '0')"
        "  || substr(gen_random_uuid()::text, 14))::uuid, gen_random_uuid(),"
        " gen_random_uuid(), 'p', 'm', 1, 0, 1, 1, 'ok' FROM generate_series(1, 500) AS n"
    )
    found = (await clean_up(database, DAYS)).deleted
    assert (found["events"], found["calls"]) == (2500, 101)
    assert len(query("SELECT 1 FROM error_events")) == 1


async def test_a_group_whose_analysis_went_is_analysed_anew(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    """A young client error keeps the group, but not an analysis: that was of an old server error."""
    stack = 'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in f\n    g()\nKeyError: 1'
    await client.post(EVENTS, json=guide_event(stack=stack))
    query(ANALYSE)
    query("UPDATE jobs SET state = 'done', finished_at = now() - interval '100 days'")
    query("UPDATE error_events SET received_at = now() - interval '100 days'")
    await client.post(EVENTS, json=guide_event(stack=stack, status_code=404))
    assert len(query("SELECT 1 FROM error_groups")) == 1
    await clean_up(database, DAYS)
    assert (await client.post(EVENTS, json=guide_event(stack=stack))).json()["analysis"] == "queued"
    assert [job["state"] for job in query("SELECT state FROM jobs")] == ["queued"]


async def test_empty_groups_without_jobs_are_all_deleted(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    await client.post(EVENTS, json=guide_event(status_code=404))
    query(
        "INSERT INTO error_groups (id, project_id, fingerprint, fingerprint_version, title, first_seen)"
        " SELECT gen_random_uuid(), id, n::text, 1, '', now() - interval '100 days'"
        " FROM projects, generate_series(1, 2100) AS n"
    )
    assert (await clean_up(database, DAYS)).deleted["groups"] == 2100
    assert len(query("SELECT 1 FROM error_groups")) == 1


async def test_a_group_that_an_ingest_is_about_to_use_stays(
    client: httpx2.AsyncClient, query: Query, database: Database, database_url: str
) -> None:
    await client.post(EVENTS, json=guide_event())
    query("UPDATE error_groups SET first_seen = now() - interval '100 days'")
    query("DELETE FROM error_events")
    with psycopg.connect(database_url) as ingest:
        ingest.execute(
            "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at)"
            " SELECT gen_random_uuid(), project_id, id, 500, '{}', now() FROM error_groups"
        )
        await clean_up(database, DAYS)
        ingest.commit()
    assert len(query("SELECT 1 FROM error_events")) == 1


async def test_a_run_goes_on_where_the_last_one_stopped(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    """Groups that stay are looked at once, however many runs it takes to come to the empty ones."""
    await client.post(EVENTS, json=guide_event())
    query(
        "INSERT INTO error_groups (id, project_id, fingerprint, fingerprint_version, title, first_seen)"
        " SELECT gen_random_uuid(), id, n::text, 1, '', now() - interval '100 days' - n * interval '1 s'"
        " FROM projects, generate_series(1, 2500) AS n"
    )
    query(
        "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at)"
        " SELECT gen_random_uuid(), g.project_id, g.id, 404, '{}', now() FROM error_groups g"
        " WHERE fingerprint::text ~ '^[0-9]{1,4}$' AND fingerprint::int > 1"
    )
    rest, found = None, []
    for _ in range(3):
        cleaned = await clean_up(database, DAYS, seconds=0, rest=rest)
        rest = cleaned.rest
        found.append((cleaned.deleted["groups"], rest and rest[0]))
    assert found == [(0, "groups"), (0, "groups"), (1, None)]
