"""An analysis goes to each of a group's events, however many wait for it and whoever is lost meanwhile."""

from __future__ import annotations

import psycopg

from tests.e2e.program import wait_until
from tests.e2e.stack import Stack, new_event
from tests.fakes.running import ModelServer
from worker.usecases.analyse_event import COPIES_A_BATCH

WAITING = 6 * COPIES_A_BATCH
_MORE = (
    "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at, received_at)"
    " SELECT gen_random_uuid(), project_id, group_id, 500, payload, now(), received_at + n * interval '1 ms'"
    " FROM error_events, generate_series(1, %s) AS n WHERE id = %s"
)
_IN_THE_MIDDLE = "SELECT id FROM error_events WHERE group_id = %s ORDER BY received_at OFFSET %s LIMIT 1"


def test_a_worker_is_killed_while_it_copies(modelled: Stack, models: ModelServer) -> None:
    """Its successor goes on without asking a model again."""
    models.script("openai", {"fault": "latency", "seconds": 1.5})
    answer = modelled.post(new_event())
    group = answer["group_id"]
    wait_until(lambda: models.calls("openai"), 10, "the model is asked")
    with psycopg.connect(modelled.database_url, autocommit=True) as connection:
        connection.execute(_MORE, (WAITING, answer["id"]))
        [row] = connection.execute(_IN_THE_MIDDLE, (group, WAITING // 2)).fetchall()
        with connection.transaction():
            # A copy refers to its event, so its worker stops here.
            connection.execute("SELECT 1 FROM error_events WHERE id = %s FOR UPDATE", row)
            waits = "SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            wait_until(lambda: connection.execute(waits).fetchall(), 15, "the worker copies")
            modelled.programs["worker"].kill()
    assert modelled.job_of(group)["state"] == "running"
    assert COPIES_A_BATCH < analysed(modelled, group) < WAITING
    modelled.launch("worker")
    modelled.wait_for_job(group, "done", 60)
    assert analysed(modelled, group) == WAITING + 1
    assert len(models.calls("openai")) == 1
    assert [call["outcome"] for call in modelled.calls_of(group)] == ["ok"]


def analysed(stack: Stack, group: str) -> int:
    [row] = stack.query("SELECT count(*) FROM error_analysis WHERE group_id = %s", group)
    count: int = row["count"]
    return count
