"""`python -m core.cli`: keys, projects, regeneration, usage and redriving, for operators."""

from __future__ import annotations

import csv
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click

from core.cli_types import DURATION
from core.domain.access import Scope
from core.domain.ids import new_request_id
from core.errors import RootnoteError
from core.log import one_line
from core.operations import imports, keys
from core.operations.connections import run_connected
from core.operations.jobs import retry, retry_all
from core.operations.metadata import Which, request_many
from core.queue.publisher import Publisher
from core.store import projects, usage
from core.store.database import Database
from core.store.keys import all_keys

T = TypeVar("T")


def _from_now(duration: timedelta | None) -> datetime | None:
    return None if duration is None else datetime.now(UTC) + duration


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Rootnote's operator commands. DATABASE_URL and REDIS_URL are read as everywhere else."""


def _run(work: Callable[[Database, Publisher], Awaitable[T]]) -> T:
    try:
        return run_connected(work)
    except RootnoteError as exc:
        raise click.ClickException(str(exc)) from None


@cli.group(name="keys")
def keys_group() -> None:
    """API keys: made, listed, rotated, revoked."""


@keys_group.command(name="create")
@click.option("--scope", type=click.Choice([str(scope) for scope in Scope]), required=True)
@click.option("--project", "project_key", help="Its key; left out: good for every project.")
@click.option("--name", default="", help="For whom it is.")
@click.option(
    "--rate", type=click.IntRange(1, 60_000_000), help="Events a minute; left out: as the settings say."
)
@click.option("--expires", type=DURATION, help="It ends by itself after this, as in 90d or 12h.")
def create_key(
    scope: str, project_key: str | None, name: str, rate: int | None, expires: timedelta | None
) -> None:
    """Make a key and print it: this once, since only its hash is kept."""
    made = _run(
        lambda database, _: keys.create(
            scope=Scope(scope),
            project_key=project_key,
            name=name,
            ingest_rate=rate,
            database=database,
            expires_at=_from_now(expires),
        )
    )
    click.echo(made.key)
    click.echo(f"id {made.id}", err=True)


@keys_group.command(name="add-hash")
@click.option("--sha256", required=True, help="The key's sha-256, 64 hexadecimal digits.")
@click.option("--id", "key_id", type=click.UUID, required=True, help="Under which it is listed and revoked.")
@click.option("--scope", type=click.Choice([str(scope) for scope in Scope]), required=True)
@click.option("--project", "project_key", help="Its key; left out: good for every project.")
@click.option("--name", default="", help="For whom it is.")
def add_hash(sha256: str, key_id: UUID, scope: str, project_key: str | None, name: str) -> None:
    """Take a key that was made elsewhere, by its hash, so that the key itself is never here.

    `python -m infra.deploy create-key` uses it where only AWS can reach the database. Twice is as once.
    """
    _run(
        lambda database, _: keys.add_hash(
            key_id=key_id,
            key_hash=sha256,
            scope=Scope(scope),
            project_key=project_key,
            name=name,
            database=database,
        )
    )
    click.echo(f"id {key_id}")


@keys_group.command(name="list")
def list_keys() -> None:
    """All keys, those that ended too, never their texts."""
    now = datetime.now(UTC)
    for key in _run(lambda database, _: database.autocommit(all_keys)):
        project = key.project_key or "(every project)"
        rate = f"  ({key.ingest_rate} events a minute)" if key.ingest_rate else ""
        ends = f"  ends {key.expires_at:%Y-%m-%dT%H:%MZ}" if key.expires_at else ""
        successor = f"  replaced by {key.replaced_by}" if key.replaced_by else ""
        line = f"{key.id}  {key.state(now):<8} {key.scope:<7} {project}  {one_line(key.name)}".rstrip()
        click.echo(line + rate + ends + successor)


@keys_group.command(name="rotate")
@click.argument("key_id", type=click.UUID)
@click.option("--keep-old", type=DURATION, default="24h", show_default=True, help="The old one ends then.")
@click.option("--expires", type=DURATION, help="The new one ends by itself after this.")
def rotate_key(key_id: UUID, keep_old: timedelta, expires: timedelta | None) -> None:
    """Make a key for what KEY_ID is for, and print it. Both work until the old one ends."""
    rotated = _run(
        lambda database, _: keys.rotate(
            key_id, overlap=keep_old, expires_at=_from_now(expires), database=database
        )
    )
    click.echo(rotated.made.key)
    click.echo(f"id {rotated.made.id}", err=True)
    click.echo(f"the old key ends at {rotated.old_ends_at:%Y-%m-%dT%H:%MZ}", err=True)


@keys_group.command(name="revoke")
@click.argument("key_id", type=click.UUID)
def revoke_key(key_id: UUID) -> None:
    """End a key. Running processes may take it for up to KEY_MAX_AGE (30 s) more."""
    _run(lambda database, _: keys.revoke(key_id, database=database))
    click.echo("revoked")


@cli.group(name="projects")
def projects_group() -> None:
    """Projects: imported, listed."""


@projects_group.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_projects(file: Path) -> None:
    """Write projects from a CSV file (with a header) or a JSONL file, by `key`.

    Columns: key, title, description, content, language, status, summary, tags, category, keywords and
    the other fields of PUT /api/projects. In CSV, tags and keywords are separated by semicolons. A
    row whose key exists replaces that project's fields; a row that is wrong is named and left out.
    """
    rows = list(_rows(file))

    async def work(database: Database, _: Publisher) -> imports.Imported:
        with click.progressbar(length=len(rows), label="projects") as bar:
            return await imports.import_projects(rows, database=database, progress=bar.update)

    done = _run(work)
    for problem in done.problems:
        click.echo(one_line(problem), err=True)
    click.echo(f"{done.created} created, {done.updated} updated, {len(done.problems)} refused")
    if done.problems:
        raise click.exceptions.Exit(1)


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and fields. Raises ClickException for a line that cannot be read at all."""
    try:
        yield from _read_rows(file)
    except UnicodeDecodeError as exc:
        raise click.ClickException(f"{file.name} is not UTF-8") from exc
    except csv.Error as exc:
        raise click.ClickException(f"{file.name} is not CSV: {exc}") from exc


def _read_rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        if file.suffix.lower() == ".csv":
            reader = csv.DictReader(lines)
            for row in reader:
                yield reader.line_num, imports.from_csv(row)
            return
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except RecursionError as exc:
                raise click.ClickException(f"line {number}: is nested too deeply") from exc
            except ValueError as exc:
                raise click.ClickException(f"line {number}: is not JSON: {exc}") from exc
            if not isinstance(value, dict):
                raise click.ClickException(f"line {number}: is not a JSON object")
            yield number, value


@projects_group.command(name="list")
def list_projects() -> None:
    """Ids, keys and titles, newest first."""

    async def work(database: Database, _: Publisher) -> None:
        cursor = None
        while True:
            after = cursor
            page = await database.autocommit(
                lambda c: projects.newest(c, project_id=None, after=after, limit=200)  # noqa: B023
            )
            for project in page.items:
                click.echo(f"{project.id}  {project.fields.key}  {one_line(project.fields.title)}".rstrip())
            if page.next is None:
                return
            cursor = page.next

    _run(work)


@cli.command()
@click.option("--which", type=click.Choice([str(which) for which in Which]), default="missing")
@click.option("--force", is_flag=True, help="Ask models though the metadata fits the text.")
def regenerate(which: str, force: bool) -> None:
    """Queue metadata of projects where it is missing, where it failed, or of all."""

    async def work(database: Database, publisher: Publisher) -> int:
        wanted = Which(which)
        total = 0
        length = await database.autocommit(projects.count)
        with click.progressbar(length=length, label="projects") as bar:
            async for size in request_many(
                wanted, force=force, request_id=new_request_id(), database=database, sender=publisher
            ):
                bar.update(size)
                total += size
            bar.update(max(0, length - total))
        return total

    click.echo(f"{_run(work)} jobs queued")


@cli.command(name="usage")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 400))
@click.option("--project", "project_key", help="Only the project with this key.")
def show_usage(days: int, project_key: str | None) -> None:
    """What models cost, by UTC day, project and model."""

    async def work(database: Database, _: Publisher) -> list[usage.UsageRow]:
        project_id = None
        if project_key:
            found = await database.autocommit(lambda c: projects.ids_by_key(c, [project_key]))
            if project_key not in found:
                raise click.ClickException(f"no project with key {project_key}")
            project_id = found[project_key]
        until = datetime.now(UTC).date()
        since = until - timedelta(days=days - 1)
        return await database.autocommit(
            lambda c: usage.by_day(c, project_id=project_id, since=since, until=until)
        )

    rows = _run(work)
    for row in rows:
        unpriced = f"  ({row.unpriced_calls} without a price)" if row.unpriced_calls else ""
        click.echo(
            f"{row.day}  {row.project_key or '(deleted)':<24} {one_line(row.model):<28} {row.calls:>6} calls"
            f" {row.prompt_tokens:>10} in {row.completion_tokens:>9} out  ${row.cost_usd:.6f}{unpriced}"
        )
    click.echo(f"total ${sum(row.cost_usd for row in rows):.6f}")


@cli.command()
@click.argument("job")
def redrive(job: str) -> None:
    """Queue a job that failed, died or was skipped again (JOB is its id), or `all` that failed or died."""

    async def work(database: Database, publisher: Publisher) -> int:
        if job == "all":
            return await retry_all(project_id=None, database=database, sender=publisher)
        try:
            job_id = UUID(job)
        except ValueError:
            raise click.BadParameter("must be a job's id or `all`", param_hint="JOB") from None
        await retry(job_id, project_id=None, database=database, sender=publisher)
        return 1

    click.echo(f"{_run(work)} jobs queued")


if __name__ == "__main__":
    cli()
