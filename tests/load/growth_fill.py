"""A database that grows to millions of events by COPY, in the shape that months of use give it.

Rows are short, since it is the indexes' size that new events meet: what an event costs does not ask how long
the texts of older ones are. Every tenth event is of one hot group, every fifth has the client's own key.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
from psycopg import sql

PROJECTS = 8
EVENTS_A_GROUP = 50
DAYS = 90
TABLES = ("error_groups", "error_events", "error_analysis", "jobs", "llm_calls")
_BLOCK = 1_000
"""Events of one moment, and lines of one message to the server."""
_ANY_EVENT = "00000000-0000-7000-8000-000000000000"
_SEVERAL_TIMES = 4
"""Grown by more than this, a table is filled without its indexes, which are made anew."""

_GROUPS = """
INSERT INTO error_groups (id, project_id, fingerprint, fingerprint_version, title, first_seen)
SELECT md5('group' || n)::uuid, md5('project' || n %% %(projects)s)::uuid, 'growth-' || n, 1, 'TimeoutError',
       now() - %(days)s * interval '1 day' FROM generate_series(%(from)s, %(to)s - 1) AS n
"""
_JOBS = """
INSERT INTO jobs (id, kind, subject_id, version, project_id, state, attempts, created_at, finished_at)
SELECT md5('job' || n)::uuid, 'analyse_group', md5('group' || n)::uuid, 'analysis-1',
       md5('project' || n %% %(projects)s)::uuid, 'done', 1,
       now() - %(days)s * interval '1 day', now() - %(days)s * interval '1 day'
FROM generate_series(%(from)s, %(to)s - 1) AS n
"""
_CALLS = """
INSERT INTO llm_calls (id, job_id, project_id, provider, model, prompt_tokens, cached_tokens,
                       completion_tokens, cost_usd, latency_ms, outcome)
SELECT md5('call' || n)::uuid, md5('job' || n)::uuid, md5('project' || n %% %(projects)s)::uuid,
       'openai', 'gpt', 900, 0, 300, 0.0004, 4000, 'ok' FROM generate_series(%(from)s, %(to)s - 1) AS n
"""
_EVENTS = (
    "COPY error_events (id, project_id, group_id, event_key, status_code, payload, occurred_at, received_at)"
    " FROM STDIN"
)
_ANALYSES = (
    "COPY error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,"
    " prompt_version, reused_from) FROM STDIN"
)


class GrowingDatabase:
    """Migrated and empty at first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._events = 0
        self._began = int(time.time() * 1_000) - DAYS * 86_400_000
        self._analysed: set[int] = set()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO projects (id, key) SELECT md5('project' || n)::uuid, 'growth-' || n"
                " FROM generate_series(0, %s - 1) AS n",
                (PROJECTS,),
            )
            for table in TABLES:
                # Whatever PostgreSQL does by itself would be counted as somebody's cost.
                connection.execute(
                    sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = false)").format(sql.Identifier(table))
                )

    def grow_to(self, events: int) -> float:
        """Seconds that it took."""
        started = time.perf_counter()
        groups = (max(PROJECTS, self._events // EVENTS_A_GROUP), max(PROJECTS, events // EVENTS_A_GROUP))
        first_group = groups[0] if self._events else 0
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("SET maintenance_work_mem = '256MB'")
            many = events > _SEVERAL_TIMES * self._events > 0
            made = drop_indexes(connection, "error_events", "error_analysis") if many else []
            numbers = {"from": first_group, "to": groups[1], "projects": PROJECTS, "days": DAYS}
            for statement in (_GROUPS, _JOBS, _CALLS):
                connection.execute(statement, numbers)
            # Side by side only where no foreign key asks for the events first.
            with ThreadPoolExecutor(2 if made else 1) as both:
                for copied in (
                    both.submit(self._copy, _EVENTS, _event_lines(self._events, events, self._began)),
                    both.submit(self._copy, _ANALYSES, self._analysis_lines(self._events, events)),
                ):
                    copied.result()
            for statement in made:
                connection.execute(statement.encode())
            connection.execute(f"VACUUM (ANALYZE) {', '.join(TABLES)}".encode())
        self._events = events
        return time.perf_counter() - started

    def _copy(self, statement: str, lines: Iterator[str]) -> None:
        with (
            psycopg.connect(self._url) as connection,
            connection.cursor() as cursor,
            cursor.copy(statement.encode()) as copy,
        ):
            for block in lines:
                copy.write(block)

    def _analysis_lines(self, first: int, last: int) -> Iterator[str]:
        """The first of each group is the original; which event it was of, its copies may say wrongly here."""
        for numbers, moment in _blocks(first, last, self._began):
            lines = []
            for n in numbers:
                if _status_of(n) != 500:
                    continue
                group = _group_of(n)
                source = _ANY_EVENT if group in self._analysed else "\\N"
                self._analysed.add(group)
                lines.append(
                    f"{_id_of(n, moment)}\t{_md5('group', group)}\tLikely cause: a time-out.\tgpt\t0.7\t"
                    f"{{}}\tanalysis-1\t{source}\n"
                )
            yield "".join(lines)


def drop_indexes(connection: psycopg.Connection, *tables: str) -> list[str]:
    """Keys and indexes, which cost more to keep up row by row. Gives what makes them anew, in this order."""
    wanted = {"tables": list(tables)}
    keys = connection.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE conrelid::regclass::text = ANY(%(tables)s)"
        " AND contype IN ('f', 'p', 'u') ORDER BY contype",
        wanted,
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%(tables)s)", wanted
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    made = [f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}" for table, name, text in reversed(keys)]
    return made + [text for _, text in indexes]


def _event_lines(first: int, last: int, began: int) -> Iterator[str]:
    for numbers, moment in _blocks(first, last, began):
        at = datetime.fromtimestamp(moment / 1_000, tz=UTC).isoformat()
        lines = []
        for n in numbers:
            group = _group_of(n)
            key = f"key-{n}" if n % 5 == 0 else "\\N"
            lines.append(
                f"{_id_of(n, moment)}\t{_md5('project', group % PROJECTS)}\t{_md5('group', group)}\t{key}\t"
                f'{_status_of(n)}\t{{"message": "Payment failed"}}\t{at}\t{at}\n'
            )
        yield "".join(lines)


def _blocks(first: int, last: int, began: int) -> Iterator[tuple[range, int]]:
    """Events by their numbers, and when they came, in milliseconds since 1970: ten million fill DAYS."""
    apart = DAYS * 86_400_000 // 10_000_000
    for start in range(first, last, _BLOCK):
        yield range(start, min(last, start + _BLOCK)), began + start * apart


def _group_of(n: int) -> int:
    return 1 if n % 10 == 0 else (n * 7_919) % max(PROJECTS, n // EVENTS_A_GROUP)


def _status_of(n: int) -> int:
    return 404 if n % 10 == 3 else 500


def _id_of(n: int, moment: int) -> str:
    """Random where the client gave a key, in order of time where not: as `core.domain.ids` has them."""
    if n % 5 == 0:
        return hashlib.md5(b"event%d" % n, usedforsecurity=False).hexdigest()
    return f"{moment:012x}7{n % 4096:03x}8{n:015x}"


_known: dict[tuple[str, int], str] = {}


def _md5(name: str, n: int) -> str:
    """As PostgreSQL's md5(name || n)."""
    found = _known.get((name, n))
    if found is None:
        found = hashlib.md5(f"{name}{n}".encode(), usedforsecurity=False).hexdigest()
        _known[name, n] = found
    return found
