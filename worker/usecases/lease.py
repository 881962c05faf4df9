"""Work done under a lease that is renewed while it lasts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from core.errors import ClaimLost, StoreUnavailable
from core.store import jobs
from core.store.database import Database

T = TypeVar("T")
logger = logging.getLogger(__name__)

_RENEWALS_PER_LEASE = 3


async def under_lease(
    work: Coroutine[Any, Any, T], claim: jobs.Claim, *, database: Database, lease: timedelta
) -> T:
    """Run `work` and keep the claim alive. If the claim is lost, stop the work and raise ClaimLost."""
    task = asyncio.ensure_future(work)
    renewing = asyncio.ensure_future(_renew_until_lost(claim, database, lease))
    try:
        await asyncio.wait({task, renewing}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClaimLost("the lease ran out while the job was worked")
        return task.result()
    finally:
        for pending in (task, renewing):
            pending.cancel()
        await asyncio.gather(task, renewing, return_exceptions=True)


async def _renew_until_lost(claim: jobs.Claim, database: Database, lease: timedelta) -> None:
    while True:
        await asyncio.sleep(lease.total_seconds() / _RENEWALS_PER_LEASE)
        try:
            if not await database.autocommit(lambda c: jobs.extend_lease(c, claim, lease=lease)):
                return
        except StoreUnavailable:
            # Nobody else can claim it either while PostgreSQL is away.
            logger.warning("the lease could not be renewed; trying again")
