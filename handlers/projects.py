"""Project keys to ids and rates, remembered: almost no request asks the database for its project."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from core.domain.access import Caller
from core.domain.ids import new_id
from core.errors import Forbidden, StoreUnavailable
from core.store import addressed
from core.store.addressed import Addressed
from core.store.database import Connection, Database

_REMEMBER_MOST = 10_000
_REMEMBER_SECONDS = 30.0
"""How long a project's rate may be the old one in one process; its id never changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    project: Addressed
    read_at: float


class ProjectDirectory:
    """A project's key never changes, so its id is remembered while there is room; a project that was
    deleted meanwhile is found out by `forget`."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def resolve(self, keys: Iterable[str], caller: Caller) -> dict[str, UUID]:
        """The ids of those keys that exist and that the caller may use; open callers create the rest."""
        # Of another's project a caller must not even feel by the clock whether it exists.
        wanted = [key for key in keys if caller.may_use(key)]
        before = self._clock() - _REMEMBER_SECONDS
        fresh = {}
        for key in wanted:
            if (known := self._known.get(key)) is not None and known.read_at >= before:
                fresh[key] = known.project
        if unsure := set(wanted) - fresh.keys() if len(fresh) < len(wanted) else None:
            fresh |= await self._look_up(unsure, create=caller.may_create_projects)
        mine = caller.project_id
        return {key: project.id for key, project in fresh.items() if mine in (None, project.id)}

    async def _look_up(self, keys: set[str], *, create: bool) -> dict[str, Addressed]:
        found = {key: self._known[key].project for key in keys & self._known.keys()}
        if found:
            found |= await self._again(set(found))
        if missing := keys - found.keys():
            found |= await self._load(missing, create=create)
        return found

    def rates(self, keys: Iterable[str]) -> dict[str, int]:
        """Their own rates in events a minute, of those that have one and are remembered: nothing is asked."""
        rates = {}
        for key in keys:
            if (known := self._known.get(key)) is not None and known.project.ingest_rate is not None:
                rates[key] = known.project.ingest_rate
        return rates

    async def resolve_existing(self, key: str, caller: Caller) -> UUID:
        """Never creates. Raises Forbidden, alike for another's project and for one that does not exist."""
        found = await self.resolve((key,), replace(caller, may_create_projects=False))
        if key not in found:
            raise unknown_project(key)
        return found[key]

    def forget(self) -> None:
        self._known.clear()

    async def _again(self, keys: set[str]) -> dict[str, Addressed]:
        """What changed of projects that are remembered, as far as PostgreSQL can be asked."""
        # First, so that of many requests at once only one asks.
        self.remember({key: self._known[key].project for key in keys})
        try:
            return await self._load(keys, create=False)
        except StoreUnavailable:
            return {}

    def remember(self, found: Mapping[str, Addressed]) -> None:
        if len(self._known) + len(found) > _REMEMBER_MOST:
            self.forget()
        now = self._clock()
        self._known |= {key: _Known(project=project, read_at=now) for key, project in found.items()}

    async def _load(self, keys: set[str], *, create: bool) -> dict[str, Addressed]:
        async def look_up(connection: Connection) -> dict[str, Addressed]:
            found = await addressed.addressed_by(connection, sorted(keys))
            new = {key: new_id() for key in keys - found.keys()}
            if not new or not create:
                return found
            await addressed.create_missing(connection, new)
            return found | await addressed.addressed_by(connection, sorted(new))

        loaded = await self._database.autocommit(look_up)
        self.remember(loaded)
        return loaded


def unknown_project(key: str) -> Forbidden:
    return Forbidden(f"project_key {key!r} is unknown, or not for this key")
