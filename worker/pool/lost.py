"""What is done about the jobs of a process that is gone, in another one: the parent must not wait for a
database."""

from __future__ import annotations

import logging
from datetime import timedelta

from core.errors import StoreUnavailable

_APART = timedelta(seconds=0.3)
"""As many jobs as a process has at most come back by two sweeps or three, so only some of them are beside the
one that killed it again. A few come back at once."""

logger = logging.getLogger(__name__)


def end_leases_of(claimant: str) -> None:
    """Nobody renews the leases that it held, so they need not run to their ends. Where this cannot be done,
    they do."""
    from core.store import jobs  # noqa: PLC0415  (the parent and beat, which import this, need none of it)
    from worker import wiring  # noqa: PLC0415

    process = wiring.process()
    try:
        ended = process.loop.run(
            process.database.autocommit(lambda c: jobs.end_leases(c, claimant, apart=_APART))
        )
    except StoreUnavailable:
        logger.warning("PostgreSQL does not answer; jobs of a process that is gone wait for their leases")
        return
    if ended:
        logger.warning("ended the leases of a process that is gone", extra={"jobs": ended})
