"""Sending jobs that are stored: now if Redis answers, else by the sweeper."""

from __future__ import annotations

import logging
from typing import Protocol

from core.errors import QueueUnavailable
from core.queue.names import Outgoing

logger = logging.getLogger(__name__)


class Sender(Protocol):
    async def send(self, jobs: list[Outgoing]) -> None: ...


async def send_or_leave(jobs: list[Outgoing], sender: Sender) -> bool:
    """False: Redis does not answer, and the sweeper will send them when it does."""
    try:
        await sender.send(jobs)
    except QueueUnavailable as exc:
        logger.warning("jobs stored but not sent: the sweeper will", extra={"cause": str(exc)})
        return False
    return True
