"""POST /api/v1/events and /batch: what is stored, what is sent, and what is answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import redis
from psycopg import sql
from pydantic import SecretStr

from core.queue import names
from core.settings import Settings
from handlers import wiring
from handlers.app import create_app
from tests.integration.conftest import Query, guide_event

EVENTS = "/api/v1/events"


def waiting(redis_url: str) -> list[dict[str, Any]]:
    with redis.Redis.from_url(redis_url) as client:
        return [json.loads(raw) for raw in client.lrange(names.AI_ANALYSIS, 0, -1)]


async def test_the_guides_event_is_stored_with_its_job_and_one_message(
    client: httpx2.AsyncClient, query: Query, redis_url: str
) -> None:
    response = await client.post(EVENTS, json=guide_event())
    assert response.status_code == 202
    answer = response.json()
    assert answer["analysis"] == "queued"
    [event] = query("SELECT * FROM error_events")
    assert str(event["id"]) == answer["id"]
    assert event["payload"] == {"message": "Server error", "method": "GET", "path": "/api/test"}
    assert event["created_at"] == event["received_at"]
    [job] = query("SELECT * FROM jobs")
    assert job["state"] == "queued"
    assert str(job["subject_id"]) == answer["group_id"]
    assert job["request_id"] == response.headers["x-request-id"]
    [message] = waiting(redis_url)
    assert message["headers"]["task"] == "analyse_error_event"
    assert message["headers"]["id"] == str(job["id"])


async def test_the_guides_second_event_with_a_stack(client: httpx2.AsyncClient, query: Query) -> None:
    event = guide_event(
        project_key="test-project",
        message="Database connection failed",
        stack="Error: Connection timeout",
        path="/api/users",
    )
    assert (await client.post(EVENTS, json=event)).status_code == 202
    [stored] = query("SELECT payload->>'stack' AS stack FROM error_events")
    assert stored["stack"] == "Error: Connection timeout"


async def test_below_500_is_stored_and_not_analysed(
    client: httpx2.AsyncClient, query: Query, redis_url: str
) -> None:
    response = await client.post(EVENTS, json=guide_event(status_code=404))
    assert (response.status_code, response.json()["analysis"]) == (202, "not_required")
    assert len(query("SELECT 1 FROM error_events")) == 1
    assert query("SELECT 1 FROM jobs") == []
    assert waiting(redis_url) == []


async def test_the_same_event_id_is_the_same_event(
    client: httpx2.AsyncClient, query: Query, redis_url: str
) -> None:
    event = guide_event(event_id="order-17")
    first, second = await client.post(EVENTS, json=event), await client.post(EVENTS, json=event)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    assert len(query("SELECT 1 FROM error_events")) == 1
    assert len(waiting(redis_url)) == 1


async def test_the_idempotency_key_header_does_the_same(client: httpx2.AsyncClient, query: Query) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = await client.post(EVENTS, json=guide_event(), headers=headers)
    second = await client.post(EVENTS, json=guide_event(), headers=headers)
    other = await client.post(EVENTS, json=guide_event(project_key="other"), headers=headers)
    assert (first.status_code, second.status_code, other.status_code) == (202, 200, 202)
    assert len({answer.json()["id"] for answer in (first, second, other)}) == 2
    assert len(query("SELECT 1 FROM error_events")) == 2


async def test_sent_at_the_same_time_it_is_still_one_event(client: httpx2.AsyncClient, query: Query) -> None:
    event = guide_event(event_id="same")
    answers = await asyncio.gather(*(client.post(EVENTS, json=event) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(query("SELECT 1 FROM error_events")) == 1


async def test_the_same_error_is_one_group_one_job_one_message(
    client: httpx2.AsyncClient, query: Query, redis_url: str
) -> None:
    answers = await asyncio.gather(
        *(
            client.post(EVENTS, json=guide_event(path=f"/users/{n}", message=f"user {n} failed"))
            for n in range(1, 31)
        )
    )
    assert len({answer.json()["group_id"] for answer in answers}) == 1
    assert len(query("SELECT 1 FROM error_events")) == 30
    assert len(query("SELECT 1 FROM jobs")) == 1
    assert len(waiting(redis_url)) == 1


async def test_the_same_error_in_two_projects_is_two_groups(client: httpx2.AsyncClient, query: Query) -> None:
    await client.post(EVENTS, json=guide_event(project_key="a"))
    await client.post(EVENTS, json=guide_event(project_key="b"))
    assert len(query("SELECT 1 FROM error_groups")) == 2


async def test_unknown_fields_are_kept_under_extra(client: httpx2.AsyncClient, query: Query) -> None:
    await client.post(EVENTS, json=guide_event(extra={"cart": 3}, user_agent="curl/8"))
    [row] = query("SELECT payload->'extra' AS extra FROM error_events")
    assert row["extra"] == {"cart": 3, "user_agent": "curl/8"}


async def test_secrets_do_not_reach_the_store(client: httpx2.AsyncClient, query: Query) -> None:
    event = guide_event(
        message="login failed password=hunter2",
        stack='Traceback:\n  File "a.py", line 1, in f\n    secret_password="hunter2"\nE: x',
        path="/login?token=hunter2",
        extra={"headers": {"Authorization": "Bearer hunter2hunter2hunter2"}, "password": "hunter2"},
    )
    await client.post(EVENTS, json=event)
    [row] = query("SELECT payload::text AS payload FROM error_events")
    [group] = query("SELECT title FROM error_groups")
    assert "hunter2" not in row["payload"]
    assert "hunter2" not in group["title"]


async def test_batch_of_good_and_bad(client: httpx2.AsyncClient, query: Query) -> None:
    batch = {
        "events": [
            guide_event(),
            guide_event(status_code=99),
            guide_event(message=None),
            "no object",
            guide_event(status_code=404),
            guide_event(event_id="twice"),
            guide_event(event_id="twice"),
        ]
    }
    response = await client.post(f"{EVENTS}/batch", json=batch)
    assert response.status_code == 202
    answer = response.json()
    assert (answer["accepted"], answer["refused"]) == (4, 3)
    statuses = [item["status"] for item in answer["results"]]
    assert statuses == [202, 422, 422, 422, 202, 202, 200]
    assert answer["results"][1]["errors"][0]["field"] == "events.1.status_code"
    assert answer["results"][2]["errors"][0]["field"] == "events.2.message"
    assert answer["results"][5]["id"] == answer["results"][6]["id"]
    assert len(query("SELECT 1 FROM error_events")) == 3


async def test_batch_limits(client: httpx2.AsyncClient) -> None:
    for body, field in [
        ({"events": []}, "events"),
        ({"events": [guide_event()] * 501}, "events"),
        ({}, "events"),
        ([], "body"),
    ]:
        response = await client.post(f"{EVENTS}/batch", json=body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == field


async def test_a_batch_with_an_idempotency_key_can_be_sent_again(
    client: httpx2.AsyncClient, query: Query
) -> None:
    batch, headers = {"events": [guide_event(), guide_event()]}, {"Idempotency-Key": "b-1"}
    first = await client.post(f"{EVENTS}/batch", json=batch, headers=headers)
    second = await client.post(f"{EVENTS}/batch", json=batch, headers=headers)
    assert [item["status"] for item in second.json()["results"]] == [200, 200]
    assert [item["id"] for item in first.json()["results"]] == [
        item["id"] for item in second.json()["results"]
    ]
    assert len(query("SELECT 1 FROM error_events")) == 2


async def test_a_project_deleted_meanwhile_is_made_again(
    client: httpx2.AsyncClient, query: Query, database_url: str
) -> None:
    await client.post(EVENTS, json=guide_event())
    query("DELETE FROM projects")
    assert (await client.post(EVENTS, json=guide_event())).status_code == 202
    assert len(query("SELECT 1 FROM projects")) == 1
    assert len(query("SELECT 1 FROM error_events")) == 1


async def test_a_project_deleted_meanwhile_sinks_nobody_who_is_stored_with_it(
    client: httpx2.AsyncClient, query: Query
) -> None:
    for key in ("kept", "deleted"):
        await client.post(EVENTS, json=guide_event(project_key=key))
    query("DELETE FROM projects WHERE key = 'deleted'")
    answers = await asyncio.gather(
        *(client.post(EVENTS, json=guide_event(project_key=key)) for key in ("kept", "deleted") * 8)
    )
    assert [answer.status_code for answer in answers] == [202] * 16
    assert len(query("SELECT 1 FROM error_events")) == 17


async def test_postgres_that_refuses_is_a_503_with_retry_after(
    client: httpx2.AsyncClient, query: Query, database_url: str
) -> None:
    name = database_url.rsplit("/", 1)[1]
    assert (await client.post(EVENTS, json=guide_event())).status_code == 202
    refuse = sql.SQL(
        "ALTER DATABASE {} CONNECTION LIMIT 0;"
        " SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = {} AND pid <> pg_backend_pid()"
    )
    query(refuse.format(sql.Identifier(name), name).as_string())
    response = await client.post(EVENTS, json=guide_event())
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_key_used_again_for_another_error_makes_no_group(
    client: httpx2.AsyncClient, query: Query, redis_url: str
) -> None:
    first = await client.post(EVENTS, json=guide_event(event_id="e-1", status_code=200, message="fine"))
    again = await client.post(EVENTS, json=guide_event(event_id="e-1", message="another error"))
    assert (again.status_code, again.json()) == (200, first.json())
    batch = [guide_event(event_id="e-2", message="one"), guide_event(event_id="e-2", message="two")]
    results = (await client.post(f"{EVENTS}/batch", json={"events": batch})).json()["results"]
    assert [item["status"] for item in results] == [202, 200]
    assert results[0]["group_id"] == results[1]["group_id"]
    assert len(query("SELECT 1 FROM error_groups")) == 2
    assert len(query("SELECT 1 FROM jobs")) == 1
    assert len(waiting(redis_url)) == 1


async def test_a_key_that_is_a_secret_is_kept_as_its_hash(client: httpx2.AsyncClient, query: Query) -> None:
    key = "Bearer abcdefghijklmnopqrstuvwxyz0123456789"
    first = await client.post(EVENTS, json=guide_event(event_id=key))
    again = await client.post(EVENTS, json=guide_event(event_id=key))
    other = await client.post(EVENTS, json=guide_event(event_id=key + "x"))
    assert [answer.status_code for answer in (first, again, other)] == [202, 200, 202]
    assert all(row["event_key"].startswith("sha256:") for row in query("SELECT event_key FROM error_events"))


async def test_a_page_of_long_events_is_not_long(client: httpx2.AsyncClient) -> None:
    long = guide_event(message="m" * 50_000, stack="s" * 400_000, extra={"x": "y" * 50_000})
    made = [(await client.post(EVENTS, json=long)).json()["id"] for _ in range(5)]
    page = await client.get(EVENTS)
    assert len(page.content) < 100_000
    assert {item["payload"]["is_shortened"] for item in page.json()["items"]} == {True}
    whole = (await client.get(f"{EVENTS}/{made[0]}")).json()["payload"]
    assert (len(whole["stack"]), "is_shortened" in whole) == (400_000, False)


async def test_what_redis_did_not_take_waits_for_the_sweepers_next_look(
    settings: Settings, query: Query
) -> None:
    """And not until a message that was sent would count as lost."""
    deps = wiring.build(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:9/0")}))
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.post(EVENTS, json=guide_event())
    assert (response.status_code, response.json()["analysis"]) == (202, "deferred")
    assert query("SELECT state, sent_at FROM jobs") == [{"state": "queued", "sent_at": None}]
    await deps.aclose()
