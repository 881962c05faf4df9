"""Projects and their metadata over HTTP, without a worker."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import redis

from core.domain.metadata import Metadata
from core.queue import names
from core.store import metadata
from core.store.database import Database
from handlers import wiring
from handlers.app import create_app
from tests.integration.conftest import DEV_TOKEN, Query

TOKEN = {"Authorization": f"Bearer {DEV_TOKEN}"}
FOUND = Metadata(
    summary="Generated.",
    tags=("redis", "queue"),
    category="software",
    keywords=("Redis",),
    language="en",
    confidence=0.8,
)


def path(project_id: UUID) -> str:
    return f"/api/projects/{project_id}"


async def put(client: httpx2.AsyncClient, project_id: UUID, **fields: Any) -> httpx2.Response:
    return await client.put(path(project_id), json=fields, headers=TOKEN)


async def give_metadata(database: Database, project_id: UUID, content_hash: str = "old") -> None:
    await database.autocommit(
        lambda c: metadata.save(
            c, project_id, FOUND, model="m-1", version="metadata-1", content_hash=content_hash
        )
    )


async def test_put_get_list_delete(client: httpx2.AsyncClient) -> None:
    project_id = uuid4()
    made = await put(client, project_id, key="shop", title="Shop", tags=["Mine"], budget_day_usd=1.5)
    assert made.status_code == 201
    again = await put(client, project_id, key="shop", title="Shop 2")
    assert (again.status_code, again.json()["title"], again.json()["tags"]) == (200, "Shop 2", [])
    shown = await client.get(path(project_id))
    assert shown.json() == again.json()
    assert [item["key"] for item in (await client.get("/api/projects")).json()["items"]] == ["shop"]
    assert (await client.delete(path(project_id), headers=TOKEN)).status_code == 204
    assert (await client.get(path(project_id))).status_code == 404
    assert (await client.delete(path(project_id), headers=TOKEN)).status_code == 404


async def test_the_projects_of_a_page_follow_each_other(client: httpx2.AsyncClient) -> None:
    for number in range(5):
        await put(client, uuid4(), key=f"p{number}")
    first = (await client.get("/api/projects?limit=3")).json()
    second = (await client.get(f"/api/projects?limit=3&cursor={first['next_cursor']}")).json()
    keys = [item["key"] for item in first["items"] + second["items"]]
    assert sorted(keys) == ["p0", "p1", "p2", "p3", "p4"]
    assert second["next_cursor"] is None


async def test_a_key_can_be_had_once(client: httpx2.AsyncClient) -> None:
    assert (await put(client, uuid4(), key="shop")).status_code == 201
    taken = await put(client, uuid4(), key="shop")
    assert taken.status_code == 409
    assert taken.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"key": "a b"}, "key"),
        ({"title": 7}, "title"),
        ({"status": "deleted"}, "status"),
        ({"language": "english"}, "language"),
        ({"tag_vocabulary": "any"}, "tag_vocabulary"),
        ({"tags": ["x"] * 21}, "tags"),
        ({"tags": [""]}, "tags.0"),
        ({"budget_day_usd": -1}, "budget_day_usd"),
        ({"sumary": "a typo"}, "sumary"),
    ],
)
async def test_wrong_fields_are_named(
    client: httpx2.AsyncClient, fields: dict[str, object], field: str
) -> None:
    response = await put(client, uuid4(), **fields)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field


async def test_secrets_in_a_projects_text_are_not_stored(client: httpx2.AsyncClient, query: Query) -> None:
    await put(client, uuid4(), content="We use password=hunter2 here.", title="a\u0000b")
    [row] = query("SELECT content, title FROM projects")
    assert "hunter2" not in row["content"]
    assert row["title"] == "a\ufffdb"


async def test_what_changes_or_costs_asks_for_the_token(client: httpx2.AsyncClient) -> None:
    project_id = uuid4()
    await put(client, project_id, title="Shop")
    for method, target in [
        ("PUT", path(project_id)),
        ("DELETE", path(project_id)),
        ("POST", f"{path(project_id)}/generate_metadata/"),
        ("POST", "/api/v1/jobs/retry"),
        ("GET", "/api/v1/keys"),
    ]:
        assert (await client.request(method, target)).status_code == 401
        assert (await client.request(method, target, headers={"X-API-Key": "rn_x"})).status_code == 401


@pytest.mark.parametrize("slash", ["", "/"])
async def test_generation_is_queued_once_and_sent(
    client: httpx2.AsyncClient, query: Query, redis_url: str, slash: str
) -> None:
    project_id = uuid4()
    await put(client, project_id, content="A text.")
    target = f"{path(project_id)}/generate_metadata{slash}"
    first = await client.post(target, headers=TOKEN)
    second = await client.post(target, headers=TOKEN)
    assert (first.status_code, second.status_code) == (202, 202)
    answer = first.json()
    assert (answer["status"], answer["task_id"]) == ("queued", answer["job_id"])
    [job] = query("SELECT id, kind, subject_id, state FROM jobs")
    assert (str(job["id"]), job["kind"], job["state"]) == (answer["job_id"], "generate_metadata", "queued")
    with redis.Redis.from_url(redis_url) as broker:
        assert broker.llen(names.METADATA_GENERATION) == 1


async def test_what_fits_the_text_is_not_generated_again(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    project_id = uuid4()
    await put(client, project_id, content="A text.")
    target = f"{path(project_id)}/generate_metadata/"
    await give_metadata(database, project_id)
    assert (await client.post(target, headers=TOKEN)).status_code == 202
    query("UPDATE jobs SET state = 'done'")
    subject = await metadata.read_subject(
        await database.autocommit(lambda c: metadata.subject_of(c, project_id))
    )
    assert subject is not None
    from core.operations.metadata import hash_of

    await give_metadata(database, project_id, hash_of(subject))
    exists = await client.post(target, headers=TOKEN)
    assert (exists.status_code, exists.json()["status"]) == (200, "exists")
    assert exists.json()["metadata"]["summary"] == "Generated."
    assert (await client.post(f"{target}?force=true", headers=TOKEN)).status_code == 202
    query("UPDATE jobs SET state = 'done'")
    await put(client, project_id, content="Another text.")
    assert (await client.post(target, headers=TOKEN)).status_code == 202


async def test_unknown_and_malformed_projects(client: httpx2.AsyncClient) -> None:
    for target, status in [
        (f"{path(uuid4())}/generate_metadata/", 404),
        ("/api/projects/not-a-uuid/generate_metadata/", 422),
    ]:
        assert (await client.post(target, headers=TOKEN)).status_code == status
    assert (await client.get(f"{path(uuid4())}/metadata")).status_code == 404


async def test_people_come_before_models(client: httpx2.AsyncClient, database: Database) -> None:
    project_id = uuid4()
    await put(client, project_id, content="A text.")
    target = f"{path(project_id)}/metadata"
    assert (await client.get(target)).status_code == 404
    await give_metadata(database, project_id)
    shown = (await client.get(target)).json()
    assert (shown["summary"], shown["sources"]["summary"], shown["model"]) == ("Generated.", "model", "m-1")
    await put(client, project_id, content="A text.", summary="Ours.", tags=["Queues", "Own"])
    shown = (await client.get(target)).json()
    assert (shown["summary"], shown["sources"]["summary"]) == ("Ours.", "people")
    assert shown["tags"][:2] == ["Queues", "Own"]
    assert (len(shown["tags"]), shown["sources"]["tags"]) == (3, "both")
    await put(client, project_id, content="A text.", tags=["Own"], tag_merge="replace")
    shown = (await client.get(target)).json()
    assert (shown["tags"], shown["sources"]["tags"]) == (["Own"], "people")


async def test_the_two_flags(deps: wiring.Deps, client: httpx2.AsyncClient, database: Database) -> None:
    from dataclasses import replace

    project_id = uuid4()
    await put(client, project_id, content="A text.")
    await give_metadata(database, project_id)
    off = {"enable_sti": False, "next_public_show_ai_meta": False}
    dark = replace(deps, settings=deps.settings.model_copy(update=off))
    transport = httpx2.ASGITransport(app=create_app(dark))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as switched_off:
        queued = await switched_off.post(f"{path(project_id)}/generate_metadata/", headers=TOKEN)
        assert queued.status_code == 409
        assert (await switched_off.get(f"{path(project_id)}/metadata")).status_code == 404


async def test_jobs_are_listed_shown_and_retried(client: httpx2.AsyncClient, query: Query) -> None:
    project_id = uuid4()
    await put(client, project_id, content="A text.", key="shop")
    job_id = (await client.post(f"{path(project_id)}/generate_metadata/", headers=TOKEN)).json()["job_id"]
    target = f"/api/v1/jobs/{job_id}"
    assert (await client.post(f"{target}/retry", headers=TOKEN)).status_code == 409
    query("UPDATE jobs SET state = 'dead', reason = 'retryable', attempts = 4, last_error = 'openai: 500'")
    [listed] = (await client.get("/api/v1/jobs?state=dead&state=failed")).json()["items"]
    assert (listed["id"], listed["project_key"], listed["last_error"]) == (job_id, "shop", "openai: 500")
    assert (await client.get("/api/v1/jobs?state=done")).json()["items"] == []
    assert (await client.get("/api/v1/jobs?state=lost")).status_code == 422
    assert (await client.get(target)).json() == listed
    assert (await client.post(f"{target}/retry", headers=TOKEN)).json()["state"] == "queued"
    [job] = query("SELECT state, attempts, reason FROM jobs")
    assert (job["state"], job["attempts"], job["reason"]) == ("queued", 0, None)
    query("UPDATE jobs SET state = 'failed'")
    assert (await client.post("/api/v1/jobs/retry", headers=TOKEN)).json() == {"queued": 1}
    assert (await client.get(f"/api/v1/jobs/{uuid4()}")).status_code == 404


async def test_keys_are_made_listed_and_revoked(client: httpx2.AsyncClient) -> None:
    await put(client, uuid4(), key="shop")
    wanted = {"scope": "read", "project_key": "shop", "name": "dashboard"}
    made = await client.post("/api/v1/keys", json=wanted, headers=TOKEN)
    assert made.status_code == 201
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    assert (await client.get("/api/projects", headers=key)).status_code == 200
    assert (await client.get("/api/v1/keys", headers=key)).status_code == 403
    [listed] = (await client.get("/api/v1/keys", headers=TOKEN)).json()
    assert (listed["scope"], listed["project_key"], listed["revoked_at"]) == ("read", "shop", None)
    assert made.json()["key"] not in str(listed)
    revoked = await client.delete(f"/api/v1/keys/{made.json()['id']}", headers=TOKEN)
    assert revoked.status_code == 204
    wrong = await client.post("/api/v1/keys", json={"scope": "read", "project_key": "no"}, headers=TOKEN)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "project_key")


async def test_usage_by_day_project_and_model(client: httpx2.AsyncClient, query: Query) -> None:
    project_id = uuid4()
    await put(client, project_id, key="shop")
    insert = (
        "INSERT INTO llm_calls (id, job_id, project_id, provider, model, prompt_tokens, cached_tokens,"
        " completion_tokens, cost_usd, latency_ms, outcome, created_at) VALUES (gen_random_uuid(),"
        " gen_random_uuid(), %s, 'openai', %s, 100, 0, 10, %s, 5, %s, now() - %s * interval '1 day')"
    )
    query(insert, project_id, "m-1", 0.25, "ok", 0)
    query(insert, project_id, "m-1", 0.5, "retryable", 0)
    query(insert, project_id, "m-2", None, "ok", 0)
    query(insert, project_id, "m-1", 4, "ok", 60)
    found = (await client.get("/api/v1/usage")).json()
    assert found["total_usd"] == 0.75
    rows = {row["model"]: row for row in found["rows"]}
    assert (rows["m-1"]["calls"], rows["m-1"]["failed_calls"], rows["m-1"]["cost_usd"]) == (2, 1, 0.75)
    assert (rows["m-2"]["unpriced_calls"], rows["m-2"]["project_key"]) == (1, "shop")
    for wrong in ("since=2026-13-01", "since=2999-01-01", "until=0001-01-01", "until=9999-12-31"):
        assert (await client.get(f"/api/v1/usage?{wrong}")).status_code == 422


async def test_a_key_is_for_ever(client: httpx2.AsyncClient) -> None:
    """Services send to it from afar, and every process remembers whose it is."""
    project_id = uuid4()
    await put(client, project_id, key="shop", title="Shop")
    assert (await put(client, project_id, key="other")).status_code == 409
    kept = await put(client, project_id, title="Renamed")
    assert (kept.status_code, kept.json()["key"], kept.json()["title"]) == (200, "shop", "Renamed")


async def test_budgets_are_an_admins(client: httpx2.AsyncClient) -> None:
    project_id = uuid4()
    await put(client, project_id, key="shop", budget_day_usd=0.5)
    wanted = {"scope": "write", "project_key": "shop"}
    made = await client.post("/api/v1/keys", json=wanted, headers=TOKEN)
    writer = {"Authorization": f"Bearer {made.json()['key']}"}
    raised = await client.put(path(project_id), json={"budget_day_usd": 9}, headers=writer)
    assert raised.status_code == 403
    changed = await client.put(path(project_id), json={"title": "New"}, headers=writer)
    assert (changed.status_code, changed.json()["budget_day_usd"]) == (200, 0.5)


async def test_many_wrong_fields_make_a_short_answer(client: httpx2.AsyncClient) -> None:
    fields = {f"field-{number}": 1 for number in range(20_000)}
    response = await put(client, uuid4(), **fields)
    assert response.status_code == 422
    assert len(response.content) < 10_000
    assert response.json()["errors"][-1]["message"] == "has 20000 problems"


async def test_secrets_in_tags_are_not_stored(client: httpx2.AsyncClient, query: Query) -> None:
    await put(client, uuid4(), tags=["password=hunter2hunter2"])
    [row] = query("SELECT tags::text AS tags FROM projects")
    assert "hunter2" not in row["tags"]
