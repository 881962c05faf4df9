"""Project keys to ids, remembered: almost no request asks the database for its project."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from core.domain.access import Caller
from core.domain.ids import new_id
from core.errors import Forbidden
from core.store import projects
from core.store.database import Connection, Database

_REMEMBER_MOST = 10_000


class ProjectDirectory:
    """A project's key never changes, so its id is remembered while there is room; a project that was
    deleted meanwhile is found out by `forget`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[str, UUID] = {}

    async def resolve(self, keys: Iterable[str], caller: Caller) -> dict[str, UUID]:
        """The ids of those keys that exist and that the caller may use; open callers create the rest."""
        # Of another's project a caller must not even feel by the clock whether it exists.
        wanted = {key for key in keys if caller.may_use(key)}
        found = {key: self._ids[key] for key in wanted & self._ids.keys()}
        if missing := wanted - found.keys():
            found |= await self._load(missing, create=caller.may_create_projects)
        if caller.project_id is None:
            return found
        return {key: id_ for key, id_ in found.items() if id_ == caller.project_id}

    async def resolve_existing(self, key: str, caller: Caller) -> UUID:
        """Never creates. Raises Forbidden, alike for another's project and for one that does not exist."""
        found = await self.resolve((key,), replace(caller, may_create_projects=False))
        if key not in found:
            raise unknown_project(key)
        return found[key]

    def remember(self, ids: dict[str, UUID]) -> None:
        if len(self._ids) + len(ids) > _REMEMBER_MOST:
            self.forget()
        self._ids |= ids

    def forget(self) -> None:
        self._ids.clear()

    async def _load(self, keys: set[str], *, create: bool) -> dict[str, UUID]:
        async def look_up(connection: Connection) -> dict[str, UUID]:
            found = await projects.ids_by_key(connection, sorted(keys))
            new = {key: new_id() for key in keys - found.keys()}
            if not new or not create:
                return found
            await projects.create_missing(connection, new)
            return found | await projects.ids_by_key(connection, sorted(new))

        loaded = await self._database.autocommit(look_up)
        self.remember(loaded)
        return loaded


def unknown_project(key: str) -> Forbidden:
    return Forbidden(f"project_key {key!r} is unknown, or not for this key")
