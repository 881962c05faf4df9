"""The task that people call with a project's id: its job if one waits, else one made for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.domain.ids import new_request_id
from core.domain.job import METADATA_VERSION, JobKind, JobState, job_id
from core.operations.metadata import request
from core.operations.sending import Sender
from core.queue.names import Outgoing
from core.store import backlog, metadata
from worker.usecases.claimed import NOT_CLAIMED
from worker.usecases.generate_metadata import MetadataTools, as_result, generate_metadata


class _NoSender:
    """The job is worked right here: no message for it."""

    async def send(self, jobs: list[Outgoing]) -> None:
        return None


async def run_metadata_task(
    project_id: UUID, *, task_id: str, claimed_by: str, tools: MetadataTools
) -> dict[str, Any]:
    """What became of it, as JSON. Raises NotFound, StoreUnavailable.

    A message that the API or the sweeper sent has the job's id as `task_id` and works the job that
    waits, if it still does. A call by hand may find none, or one that ended, and asks for it first.
    """
    outcome = await generate_metadata(project_id, claimed_by=claimed_by, tools=tools)
    is_by_hand = task_id != str(job_id(JobKind.GENERATE_METADATA, project_id, METADATA_VERSION))
    if outcome == NOT_CLAIMED and is_by_hand:
        sender: Sender = _NoSender()
        requested = await request(
            project_id, force=False, request_id=new_request_id(), database=tools.jobs.database, sender=sender
        )
        if requested.stored is not None:
            return {"status": "exists", "metadata": as_result(requested.stored)}
        await generate_metadata(project_id, claimed_by=claimed_by, tools=tools)
    return await _result(project_id, tools)


async def _result(project_id: UUID, tools: MetadataTools) -> dict[str, Any]:
    database = tools.jobs.database
    job = await database.autocommit(lambda c: backlog.find_of_project(c, project_id))
    if job is None:
        return {"status": JobState.QUEUED}
    result: dict[str, Any] = {"status": job.state, "job_id": str(job.id)}
    if job.state is JobState.DONE:
        stored = await database.autocommit(lambda c: metadata.find(c, project_id))
        return result | ({"metadata": as_result(stored)} if stored else {})
    if job.state is JobState.QUEUED:
        return result | {"due_at": job.due_at.isoformat()}
    return result | ({"reason": job.reason} if job.reason else {})
