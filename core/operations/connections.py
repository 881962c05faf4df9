"""Connections as the settings say, with passwords from Secrets Manager where they name secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.aws import secrets
from core.aws.secrets import SecretsManager
from core.queue.publisher import Publisher
from core.settings import Settings, load
from core.store.database import WORK_SECONDS, Database

T = TypeVar("T")


def database_of(
    settings: Settings,
    manager: SecretsManager,
    *,
    pool_size: int | None = None,
    work_seconds: float = WORK_SECONDS,
) -> Database:
    """Nothing connects yet. `pool_size` None: as the settings say."""
    return Database(
        settings.database_url.get_secret_value(),
        pool_size=pool_size or settings.database_pool_size,
        timeout=settings.database_timeout,
        work_seconds=work_seconds,
        secret=secrets.database_secret(settings, manager),
    )


def publisher_of(settings: Settings, manager: SecretsManager) -> Publisher:
    """Nothing connects yet."""
    return Publisher(
        settings.redis_url.get_secret_value(),
        timeout=settings.redis_timeout,
        secret=secrets.redis_secret(settings, manager),
    )


def run_connected(work: Callable[[Database, Publisher], Awaitable[T]]) -> T:
    """Run `work` for one command, on an event loop and connections of its own.

    Raises ConfigError, and what `work` raises.
    """

    async def connected() -> T:
        settings, manager = load(), SecretsManager()
        database = database_of(settings, manager, pool_size=1)
        publisher = publisher_of(settings, manager)
        try:
            return await work(database, publisher)
        finally:
            await publisher.aclose()
            await database.aclose()

    return asyncio.run(connected())
