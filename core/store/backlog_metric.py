"""The figures that a deployment is scaled by, in one query that stays cheap when the tables are long."""

from __future__ import annotations

from datetime import datetime

from core.domain.backlog_metric import StoredBacklog
from core.domain.ids import first_id_at
from core.store import open_jobs
from core.store.database import Connection

FIGURES = f"""
SELECT due.jobs + running.jobs, due.seconds, calls.seconds, failed.jobs
FROM (SELECT count(*) AS jobs, coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS seconds
      FROM jobs WHERE {open_jobs.WAITING} AND due_at <= now()) AS due,
     (SELECT count(*) AS jobs FROM jobs WHERE {open_jobs.LEASED}) AS running,
     (SELECT count(*) AS jobs FROM jobs WHERE state IN ('failed', 'dead')) AS failed,
     (SELECT avg(of_job.seconds)::float8 AS seconds
      FROM (SELECT sum(latency_ms) / 1000.0 AS seconds FROM llm_calls WHERE id >= %(first_call)s
            GROUP BY job_id) AS of_job) AS calls
"""  # noqa: S608  (constants only)


async def measure(connection: Connection, *, calls_since: datetime) -> StoredBacklog:
    """Of the model calls, those that were written down since then: their ids say when, so the primary key
    finds them."""
    cursor = await connection.execute(FIGURES, {"first_call": first_id_at(calls_since)})
    row = await cursor.fetchone()
    if row is None:
        raise AssertionError("aggregates without GROUP BY always give a row")
    return StoredBacklog(jobs=row[0], oldest_due_seconds=row[1], mean_job_seconds=row[2], failed_jobs=row[3])
