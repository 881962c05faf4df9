"""Every night: metadata for the projects that have none."""

from __future__ import annotations

from dataclasses import dataclass

from core.operations.metadata import Which, request_many
from core.operations.sending import Sender
from core.store.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    projects: int
    batches: int


async def generate_missing(*, database: Database, sender: Sender, request_id: str) -> Queued:
    """Queue the jobs, in batches of 10. How fast they are worked is the rate limit's affair."""
    sizes = [
        size
        async for size in request_many(
            Which.MISSING, force=False, request_id=request_id, database=database, sender=sender
        )
    ]
    return Queued(projects=sum(sizes), batches=len(sizes))
