"""Events and groups, read back page by page."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.integration.conftest import Query, guide_event

EVENTS, GROUPS = "/api/v1/events", "/api/v1/groups"


async def all_pages(client: httpx2.AsyncClient, path: str, **filters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        parameters = filters | ({"cursor": cursor} if cursor else {})
        response = await client.get(path, params=parameters)
        assert response.status_code == 200, response.text
        items += response.json()["items"]
        cursor = response.json()["next_cursor"]
        if cursor is None:
            return items


async def test_pages_hold_each_event_once_newest_first(client: httpx2.AsyncClient, query: Query) -> None:
    batch = {"events": [guide_event(message=f"kind {chr(97 + n % 7)}") for n in range(45)]}
    await client.post(f"{EVENTS}/batch", json=batch)
    await client.post(EVENTS, json=guide_event(project_key="other"))
    items = await all_pages(client, EVENTS, limit=10)
    assert len(items) == 46
    assert len({item["id"] for item in items}) == 46
    order = [(item["received_at"], item["id"]) for item in items]
    assert order == sorted(order, reverse=True)
    assert len(await all_pages(client, EVENTS, limit=10, project_key="test")) == 45
    group_id = items[-1]["group_id"]
    in_group = await all_pages(client, EVENTS, limit=2, group_id=group_id)
    assert {item["group_id"] for item in in_group} == {group_id}


async def test_new_events_do_not_shift_a_page_under_way(client: httpx2.AsyncClient) -> None:
    for _ in range(4):
        await client.post(EVENTS, json=guide_event())
    first = (await client.get(EVENTS, params={"limit": 2})).json()
    await client.post(EVENTS, json=guide_event())
    second = (await client.get(EVENTS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    ids = [item["id"] for item in first["items"] + second["items"]]
    assert len(set(ids)) == 4
    assert second["next_cursor"] is None


async def test_a_group_shows_its_counts_job_and_analysis(client: httpx2.AsyncClient, query: Query) -> None:
    for _ in range(3):
        response = await client.post(EVENTS, json=guide_event())
    group_id = response.json()["group_id"]
    group = (await client.get(f"{GROUPS}/{group_id}")).json()
    assert (group["event_count"], group["job_state"], group["analysis"]) == (3, "queued", None)
    assert group["title"]
    assert group["first_seen"] <= group["last_seen"]
    query(
        "INSERT INTO error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,"
        " prompt_version) SELECT id, group_id, 'because', 'm', 0.5, '{}', 'analysis-1'"
        " FROM error_events ORDER BY id LIMIT 1"
    )
    group = (await client.get(f"{GROUPS}/{group_id}")).json()
    assert group["analysis"]["analysis_text"] == "because"
    [listed] = await all_pages(client, GROUPS, project_key="test")
    assert listed == group


async def test_groups_by_page(client: httpx2.AsyncClient) -> None:
    for n in range(7):
        await client.post(EVENTS, json=guide_event(message=f"kind {chr(97 + n)}"))
    items = await all_pages(client, GROUPS, limit=3)
    assert len({item["id"] for item in items}) == 7
