"""Projects from a file, by their keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.domain.ids import new_id
from core.domain.validation import problems_of
from core.errors import FieldProblem, InvalidInput
from core.operations.project_input import ProjectIn
from core.store import projects
from core.store.database import Connection, Database

_LISTS = ("tags", "keywords")


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    created: int
    updated: int
    problems: tuple[str, ...]
    """One line for each row that was refused, with its number and field."""


def from_csv(row: Mapping[str | None, Any]) -> dict[str, Any]:
    """Empty cells are absent fields; lists are separated by semicolons."""
    fields = {str(name): value for name, value in row.items() if name and value not in (None, "")}
    for name in _LISTS:
        if name in fields:
            fields[name] = [part.strip() for part in str(fields[name]).split(";") if part.strip()]
    return fields


async def import_projects(
    rows: Sequence[tuple[int, dict[str, Any]]], *, database: Database, progress: Callable[[int], object]
) -> Imported:
    """Write each row's project; `progress` is told how many more are done. Raises StoreUnavailable."""
    created = updated = 0
    problems: list[str] = []
    for number, fields in rows:
        try:
            wanted = _validated(fields)
            if wanted.key is None:
                raise InvalidInput(FieldProblem(field="key", message="is missing"))
            is_new = await _write(wanted, wanted.key, database)
            created, updated = created + is_new, updated + (not is_new)
        except InvalidInput as exc:
            problems.append(f"line {number}: {exc}")
        progress(1)
    return Imported(created=created, updated=updated, problems=tuple(problems))


def _validated(fields: dict[str, Any]) -> ProjectIn:
    try:
        return ProjectIn.model_validate(fields)
    except ValidationError as exc:
        raise InvalidInput(*problems_of(exc)) from exc


async def _write(wanted: ProjectIn, key: str, database: Database) -> bool:
    async def put(connection: Connection) -> bool:
        known = await projects.ids_by_key(connection, [key])
        return await projects.put(connection, known.get(key) or new_id(), wanted.fields(default_key=key))

    return await database.autocommit(put)
