"""Connections for one command, opened for it and closed after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.aws import secrets
from core.queue.publisher import Publisher
from core.settings import load
from core.store.database import Database

T = TypeVar("T")


def run_connected(work: Callable[[Database, Publisher], Awaitable[T]]) -> T:
    """Run `work` on an event loop of its own. Raises ConfigError, and what `work` raises."""

    async def connected() -> T:
        settings = load()
        database = Database(
            settings.database_url.get_secret_value(),
            pool_size=1,
            timeout=settings.database_timeout,
            secret=secrets.database_secret(settings),
        )
        publisher = Publisher(
            settings.redis_url.get_secret_value(),
            timeout=settings.redis_timeout,
            secret=secrets.redis_secret(settings),
        )
        try:
            return await work(database, publisher)
        finally:
            await publisher.aclose()
            await database.aclose()

    return asyncio.run(connected())
