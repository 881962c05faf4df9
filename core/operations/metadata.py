"""Asking for projects' metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from core.domain.job import METADATA_VERSION, JobKind, job_id
from core.domain.metadata import Wishes
from core.domain.project_cut import content_hash
from core.errors import NotFound
from core.operations.sending import Sender, send_queued
from core.store import backlog, metadata
from core.store.database import Connection, Database

BATCH = 10
"""Projects a batch, as the guide says: one transaction and one message list each."""

_KIND = JobKind.GENERATE_METADATA


class Which(StrEnum):
    """Whose metadata to generate."""

    MISSING = "missing"
    """Published, with a text, without metadata; what failed for good waits for a change of its project."""
    FAILED = "failed"
    """Those whose job failed or died."""
    ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requested:
    """`stored`: it is there and fits the project's text, and nothing was queued."""

    job_id: UUID
    stored: metadata.StoredMetadata | None


def wishes_of(subject: metadata.Subject) -> Wishes:
    fields = subject.project.fields
    return Wishes(
        vocabulary=fields.tag_vocabulary,
        existing_tags=subject.vocabulary,
        output_language=fields.output_language,
        instructions=fields.instructions,
    )


def hash_of(subject: metadata.Subject) -> str:
    """Of all that decides the answer; equal to the stored one's: nothing new would come of asking."""
    return content_hash(subject.project.fields.text, wishes_of(subject), version=METADATA_VERSION)


async def request(
    project_id: UUID, *, force: bool, request_id: str, database: Database, sender: Sender
) -> Requested:
    """Queue the project's job, unless its metadata is fresh. Raises NotFound, StoreUnavailable."""

    async def queue(connection: Connection) -> tuple[metadata.StoredMetadata | None, list[backlog.Queued]]:
        subject = await metadata.read_subject(await metadata.subject_of(connection, project_id))
        if subject is None:
            raise NotFound(f"no project {project_id}")
        if not force and subject.stored and subject.stored.content_hash == hash_of(subject):
            return subject.stored, []
        return None, await _requeue(connection, [project_id], force=force, again=True, request_id=request_id)

    stored, queued = await database.autocommit(queue)
    await send_queued(queued, sender=sender, database=database)
    return Requested(job_id=_job_id(project_id), stored=stored)


async def request_many(
    which: Which, *, force: bool, request_id: str, database: Database, sender: Sender
) -> AsyncIterator[int]:
    """Queue the jobs of all such projects in batches; gives each batch's number of jobs as it is queued."""
    find = _FINDERS[which]
    after: UUID | None = None
    while True:

        async def queue(
            connection: Connection, place: UUID | None = after
        ) -> tuple[list[UUID], list[backlog.Queued]]:
            found = await find(connection, place)
            again = which is not Which.FAILED
            queued = await _requeue(connection, found, force=force, again=again, request_id=request_id)
            return found, queued

        found, queued = await database.autocommit(queue)
        if not found:
            return
        await send_queued(queued, sender=sender, database=database)
        yield len(queued)
        after = found[-1]


async def _requeue(
    connection: Connection, project_ids: list[UUID], *, force: bool, again: bool, request_id: str
) -> list[backlog.Queued]:
    if not project_ids:
        return []
    return await backlog.requeue(
        connection,
        [
            backlog.NewJob(job_id=_job_id(project_id), subject_id=project_id, project_id=project_id)
            for project_id in project_ids
        ],
        kind=_KIND,
        version=METADATA_VERSION,
        force=force,
        again=again,
        request_id=request_id,
    )


def _job_id(project_id: UUID) -> UUID:
    return job_id(_KIND, project_id, METADATA_VERSION)


_Finder = Callable[[Connection, UUID | None], Awaitable[list[UUID]]]

_FINDERS: dict[Which, _Finder] = {
    Which.MISSING: lambda connection, after: metadata.ids_missing(connection, after=after, limit=BATCH),
    Which.FAILED: lambda connection, after: metadata.ids_failed(connection, after=after, limit=BATCH),
    Which.ALL: lambda connection, after: metadata.ids_all(connection, after=after, limit=BATCH),
}
