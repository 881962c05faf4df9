"""An analysis goes to each of a group's events, however many wait for it and whoever is lost meanwhile."""

from __future__ import annotations

import psycopg

from tests.e2e.program import wait_until
from tests.e2e.stack import Stack, new_event
from tests.fakes.running import ModelServer
from worker.usecases.analyse_event import COPIES_A_BATCH

WAITING = 8 * COPIES_A_BATCH
_MORE = (
    "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at, received_at)"
    " SELECT gen_random_uuid(), project_id, group_id, 500, payload, now(), received_at + n * interval '1 ms'"
    " FROM error_events, generate_series(1, %s) AS n WHERE id = %s"
)
_IN_THE_MIDDLE = "SELECT id FROM error_events WHERE group_id = %s ORDER BY received_at OFFSET %s LIMIT 1"


def test_a_worker_is_killed_while_it_copies(
    running_stack: Stack, models: ModelServer, model_settings: dict[str, str]
) -> None:
    """Its successor goes on without asking a model again."""
    patient = model_settings | {"LLM_CALL_TIMEOUT": "30"}
    running_stack.use_worker(patient)
    models.script("openai", {"fault": "latency", "seconds": 3})
    answer = running_stack.post(new_event())
    group = answer["group_id"]
    wait_until(lambda: models.calls("openai"), 10, "the model is asked")
    with psycopg.connect(running_stack.database_url, autocommit=True) as connection:
        connection.execute(_MORE, (WAITING, answer["id"]))
        [row] = connection.execute(_IN_THE_MIDDLE, (group, WAITING // 2)).fetchall()
        with connection.transaction():
            # A copy refers to its event, so its worker stops here.
            connection.execute("SELECT 1 FROM error_events WHERE id = %s FOR UPDATE", row)
            waits = "SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            wait_until(lambda: connection.execute(waits).fetchall(), 15, "the worker copies")
            running_stack.programs["worker"].kill()
    assert running_stack.job_of(group)["state"] == "running"
    assert COPIES_A_BATCH < analysed(running_stack, group) < WAITING
    running_stack.launch("worker", **patient)
    running_stack.wait_for_job(group, "done", 60)
    assert analysed(running_stack, group) == WAITING + 1
    assert len(models.calls("openai")) == 1
    assert [call["outcome"] for call in running_stack.calls_of(group)] == ["ok"]


def analysed(stack: Stack, group: str) -> int:
    [row] = stack.query("SELECT count(*) FROM error_analysis WHERE group_id = %s", group)
    count: int = row["count"]
    return count
