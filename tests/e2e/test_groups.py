"""The same error a thousand times: one model call, and an analysis for each event."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from tests.e2e.program import wait_until
from tests.e2e.stack import Row, Stack, new_event
from tests.fakes.running import ModelServer


def test_a_thousand_identical_errors_cost_one_call(modelled: Stack, models: ModelServer) -> None:
    models.script("openai", {"fault": "latency", "seconds": 0.5})
    event = new_event(message="connection to 10.0.0.7:5432 refused")
    group_id = send_batch(modelled, event, 500, {"queued"})
    answers = send_singles_until_one_is_reused(modelled, event)
    assert {answer["group_id"] for answer in answers} == {group_id}
    # The first came while the model was asked.
    assert {answer["analysis"] for answer in answers} == {"queued", "reused"}
    modelled.wait_for_job(group_id, "done")
    assert send_batch(modelled, event, 500 - len(answers), {"reused"}) == group_id

    def all_analysed() -> bool:
        return count(modelled, group_id, "true") == 1_000

    wait_until(all_analysed, 15, "every event has its analysis")
    assert count(modelled, group_id, "reused_from IS NULL") == 1
    [call] = modelled.calls_of(group_id)
    assert call["outcome"] == "ok"
    assert len(models.calls()) == 1


def send_singles_until_one_is_reused(stack: Stack, event: Row) -> list[Row]:
    """Eight at a time, at most 475."""
    answers: list[Row] = []
    with ThreadPoolExecutor(8) as pool:
        while len(answers) < 475 and not any(answer["analysis"] == "reused" for answer in answers):
            answers += pool.map(stack.post, [event] * 25)
            time.sleep(0.15)
    return answers


def send_batch(stack: Stack, event: Row, size: int, outcomes: set[str]) -> str:
    """The one group of all."""
    response = stack.http.post("/api/v1/events/batch", json={"events": [event] * size})
    assert response.status_code == 202, response.text
    answer = response.json()
    assert answer["accepted"] == size
    assert {result["analysis"] for result in answer["results"]} == outcomes
    [group_id] = {result["group_id"] for result in answer["results"]}
    return str(group_id)


def count(stack: Stack, group_id: str, condition: str) -> int:
    [row] = stack.query(
        f"SELECT count(*) AS n FROM error_analysis WHERE group_id = %s AND {condition}",  # noqa: S608
        UUID(group_id),
    )
    return int(row["n"])
