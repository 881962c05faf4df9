"""Two projects that have everything, and every kind of key: what the table is tried in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg

from core.domain.access import Scope, hash_key, new_key
from core.domain.job import ANALYSIS_VERSION, JobKind, job_id
from tests.route_table.rules import Rule, Sent, Target


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project's key, and the ids of what it has."""

    project_key: str
    ids: dict[Target, UUID]

    def path(self, rule: Rule) -> str:
        if rule.target is None:
            return rule.path
        return rule.path.replace(f"{{{rule.target}}}", str(self.ids[rule.target]))

    def body(self, rule: Rule) -> dict[str, Any] | None:
        event = {
            "project_key": self.project_key,
            "message": "it broke",
            "status_code": 500,
            "timestamp": "2024-01-15T12:00:00Z",
        }
        return {
            Sent.NOTHING: None,
            Sent.EVENT: event,
            Sent.BATCH: {"events": [event]},
            Sent.PROJECT: {"title": "A title"},
            Sent.KEY: {"scope": "read"},
        }[rule.sent]

    def hide(self, text: str) -> str:
        """`text` without what names this tenant, to be compared with another's."""
        for id_ in self.ids.values():
            text = text.replace(str(id_), "ID")
        return text.replace(self.project_key, "PROJECT")


def _tenant(project_key: str) -> Tenant:
    ids = {target: uuid4() for target in Target}
    ids[Target.JOB] = job_id(JobKind.ANALYSE_GROUP, ids[Target.GROUP], ANALYSIS_VERSION)
    return Tenant(project_key, ids)


class World:
    """`mine` and `theirs` are there, `nobodys` is not."""

    def __init__(self, database_url: str) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)
        self.mine, self.theirs, self.nobodys = map(_tenant, ("mine", "theirs", "nobodys"))
        self._scopes: dict[str, tuple[Scope, UUID | None]] = {
            f"{name}-{scope}": (scope, project_id)
            for scope in Scope
            for name, project_id in (
                ("mine", self.mine.ids[Target.PROJECT]),
                ("theirs", self.theirs.ids[Target.PROJECT]),
                ("all", None),
                ("revoked", None),
                ("expired", None),
            )
        }
        self.keys = {name: new_key() for name in self._scopes}
        self._tables = [
            row[0]
            for row in self._connection.execute(
                "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
            )
        ]

    def close(self) -> None:
        self._connection.close()

    def reset(self) -> None:
        """As it was at first, with the same ids and keys."""
        everything = ", ".join(table for table in self._tables if table != "alembic_version")
        with self._connection.transaction():
            self._connection.execute(f"TRUNCATE {everything}")
            for tenant in (self.mine, self.theirs):
                self._found(tenant)
            for name, (scope, project_id) in self._scopes.items():
                self._add_key(uuid4(), self.keys[name], scope, project_id, ended=name.partition("-")[0])
            for tenant in (self.mine, self.theirs):
                project_id = tenant.ids[Target.PROJECT]
                self._add_key(tenant.ids[Target.KEY], new_key(), Scope.READ, project_id, ended="")

    def _found(self, tenant: Tenant) -> None:
        ids, run = tenant.ids, self._connection.execute
        project, group = ids[Target.PROJECT], ids[Target.GROUP]
        run(
            "INSERT INTO projects (id, key, content, summary) VALUES (%s, %s, 'A text.', 'A summary.')",
            (project, tenant.project_key),
        )
        run(
            "INSERT INTO error_groups (id, project_id, fingerprint, fingerprint_version, title)"
            " VALUES (%s, %s, 'f', 1, 'it broke')",
            (group, project),
        )
        run(
            "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at)"
            """ VALUES (%s, %s, %s, 500, '{"message": "it broke"}', now())""",
            (ids[Target.EVENT], project, group),
        )
        run(
            "INSERT INTO jobs (id, kind, subject_id, version, project_id, state, finished_at)"
            " VALUES (%s, %s, %s, %s, %s, 'dead', now())",
            (ids[Target.JOB], JobKind.ANALYSE_GROUP, group, ANALYSIS_VERSION, project),
        )
        run(
            "INSERT INTO llm_calls (id, job_id, project_id, provider, model, prompt_tokens, cached_tokens,"
            " completion_tokens, latency_ms, outcome) VALUES (%s, %s, %s, 'openai', 'm', 1, 0, 1, 1, 'ok')",
            (uuid4(), ids[Target.JOB], project),
        )

    def _add_key(self, key_id: UUID, key: str, scope: Scope, project_id: UUID | None, *, ended: str) -> None:
        self._connection.execute(
            "INSERT INTO api_keys (id, hash, scope, project_id, revoked_at, expires_at)"
            " VALUES (%s, %s, %s, %s, CASE WHEN %s THEN now() END, CASE WHEN %s THEN now() END)",
            (key_id, hash_key(key), scope, project_id, ended == "revoked", ended == "expired"),
        )

    def state(self) -> list[tuple[Any, ...]]:
        """A row for each table, which differs after any insert, update or delete."""
        sums = " UNION ALL ".join(
            f"SELECT '{table}', count(*), sum(hashtextextended(t::text || t.xmin, 0)) FROM {table} t"  # noqa: S608
            for table in self._tables
        )
        return self._connection.execute(sums).fetchall()
