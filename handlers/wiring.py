"""The HTTP side's real objects, made once a process and handed on as arguments."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from core.queue.publisher import Publisher
from core.settings import Settings
from core.store.database import Database
from handlers.auth import KeyRing
from handlers.projects import ProjectDirectory


@dataclass(frozen=True, kw_only=True, slots=True)
class Deps:
    settings: Settings
    database: Database
    publisher: Publisher
    projects: ProjectDirectory
    keys: KeyRing

    async def aclose(self) -> None:
        await self.publisher.aclose()
        await self.database.aclose()


def build(settings: Settings) -> Deps:
    """Nothing connects yet: connections open when first used."""
    database = Database(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        timeout=settings.database_timeout,
    )
    return Deps(
        settings=settings,
        database=database,
        publisher=Publisher(settings.redis_url.get_secret_value(), timeout=settings.redis_timeout),
        projects=ProjectDirectory(database),
        keys=KeyRing(database, auth=settings.auth, dev_token=settings.dev_token),
    )


def deps_of(request: Request) -> Deps:
    deps: Deps = request.app.state.deps
    return deps
