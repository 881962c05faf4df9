"""`celery -A worker inspect failed` and `celery -A worker control retry JOB_ID|all`.

They run in the worker's parent, which must not keep connections or threads that a pool process would
inherit: each command opens its own and closes them again.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery.worker.control import control_command, inspect_command

from core.domain.job import JobState
from core.errors import RootnoteError
from core.log import one_line
from core.operations.connections import run_connected
from core.operations.jobs import retry, retry_all
from core.queue.publisher import Publisher
from core.store import backlog
from core.store.database import Database

_SHOWN = 50
_MOST_SHOWN = 1_000


@inspect_command(args=[("limit", int)], signature="[N=50]")
def failed(state: object, limit: int = _SHOWN, **_: object) -> list[dict[str, Any]]:
    """Jobs that failed or died, the newest first, with their reasons."""
    shown = _count(limit)

    async def look(database: Database, _: Publisher) -> list[backlog.JobView]:
        page = await database.autocommit(
            lambda c: backlog.newest(
                c, states=(JobState.FAILED, JobState.DEAD), project_id=None, after=None, limit=shown
            )
        )
        return list(page.items)

    return [
        {
            "id": str(job.id),
            "kind": job.kind,
            "project": job.project_key,
            "state": job.state,
            "reason": job.reason,
            "attempts": job.attempts,
            "last_error": one_line(job.last_error) if job.last_error else None,
            "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        }
        for job in run_connected(look)
    ]


def _count(limit: object) -> int:
    """As many as are asked for, within bounds; as usual where that is no number."""
    try:
        return min(max(int(str(limit)), 1), _MOST_SHOWN)
    except ValueError:
        return _SHOWN


@control_command(args=[("job", str)], signature="JOB_ID|all", name="retry")
def retry_command(state: object, job: str = "all", **_: object) -> dict[str, Any]:
    """Queue a job that failed or died again, or all of them."""

    async def redrive(database: Database, publisher: Publisher) -> int:
        if job == "all":
            return await retry_all(project_id=None, database=database, sender=publisher)
        await retry(UUID(str(job)), project_id=None, database=database, sender=publisher)
        return 1

    try:
        count = run_connected(redrive)
    except (RootnoteError, ValueError) as exc:
        return {"error": str(exc)}
    return {"ok": f"{count} job{'' if count == 1 else 's'} queued"}
