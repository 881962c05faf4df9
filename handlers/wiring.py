"""The HTTP side's real objects, made once a process and handed on as arguments."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from core.aws.queue import MessageQueue
from core.aws.secrets import SecretsManager
from core.operations.connections import database_of, publisher_of
from core.operations.event_writer import EventWriter
from core.queue.buckets import SharedBuckets
from core.queue.publisher import Publisher
from core.settings import Settings
from core.store.database import Database
from handlers.auth import KeyRing
from handlers.projects import ProjectDirectory
from handlers.quota_report import QuotaReport
from handlers.quotas import Limits, Quotas


@dataclass(frozen=True, kw_only=True, slots=True)
class Deps:
    settings: Settings
    secrets_manager: SecretsManager
    database: Database
    publisher: Publisher
    writer: EventWriter
    projects: ProjectDirectory
    keys: KeyRing
    quotas: Quotas
    buffer: MessageQueue | None
    """Takes events while PostgreSQL is away."""
    dead_letters: MessageQueue | None
    """Takes those buffered events that can never be stored."""

    def warm_up(self) -> None:
        """Load what the passwords need: a Lambda may take 10 s to start, the first connection 3."""
        if self.settings.database_secret or self.settings.redis_secret:
            self.secrets_manager.provider()

    async def aclose(self) -> None:
        await self.writer.aclose()
        await self.publisher.aclose()
        await self.database.aclose()


def build(settings: Settings) -> Deps:
    """Nothing connects yet: connections open when first used."""
    manager = SecretsManager()
    database = database_of(settings, manager)
    publisher = publisher_of(settings, manager)
    return Deps(
        settings=settings,
        secrets_manager=manager,
        database=database,
        publisher=publisher,
        writer=EventWriter(database, publisher),
        projects=ProjectDirectory(database),
        keys=KeyRing(
            database, auth=settings.auth, dev_token=settings.dev_token, max_age=settings.key_max_age
        ),
        quotas=Quotas(
            Limits.of(settings),
            shared=SharedBuckets(publisher.connection),
            without_redis=settings.ingest_rate_without_redis,
            report=QuotaReport(deployment=settings.deployment),
        ),
        buffer=_queue(settings.event_buffer_url),
        dead_letters=_queue(settings.event_buffer_dead_letter_url),
    )


def _queue(url: str | None) -> MessageQueue | None:
    return MessageQueue(url) if url else None


def deps_of(request: Request) -> Deps:
    deps: Deps = request.app.state.deps
    return deps
