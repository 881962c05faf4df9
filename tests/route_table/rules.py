"""The declared table: a route that is not in it fails a test, and so does one that does otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.domain.access import Scope


class Tenancy(StrEnum):
    """What a key for another project is answered."""

    OPEN = "nobody is asked for a key"
    HIDDEN = "404, as for what does not exist"
    REFUSED = "403, as for a project that does not exist"
    EACH = "202, with 403 for each event of a project that is another's or does not exist"
    OWN_ONLY = "its own project's only; 403 where another is asked for, as for one that does not exist"
    OWN_WITHOUT_ASKING = "its own project's only"
    OPERATORS = "403: for keys of all projects only"


class Target(StrEnum):
    """What the path names."""

    PROJECT = "project_id"
    EVENT = "event_id"
    GROUP = "group_id"
    JOB = "job_id"
    KEY = "key_id"


class Sent(StrEnum):
    """What the body is."""

    NOTHING = "nothing"
    EVENT = "event"
    BATCH = "batch"
    PROJECT = "project"
    KEY = "key"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """`scope` None: no key is asked for. `answer`: the status for whoever may."""

    method: str
    path: str
    scope: Scope | None
    tenancy: Tenancy
    answer: int = 200
    target: Target | None = None
    sent: Sent = Sent.NOTHING

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def _open(path: str, answer: int = 200) -> Rule:
    return Rule(method="GET", path=path, scope=None, tenancy=Tenancy.OPEN, answer=answer)


def _list(path: str, tenancy: Tenancy = Tenancy.OWN_ONLY) -> Rule:
    return Rule(method="GET", path=path, scope=Scope.READ, tenancy=tenancy)


def _one(path: str, target: Target) -> Rule:
    return Rule(method="GET", path=path, scope=Scope.READ, tenancy=Tenancy.HIDDEN, target=target)


def _do(path: str, target: Target) -> Rule:
    return Rule(
        method="POST", path=path, scope=Scope.WRITE, tenancy=Tenancy.HIDDEN, answer=202, target=target
    )


def _operate(
    method: str, path: str, answer: int, *, target: Target | None = None, sent: Sent = Sent.NOTHING
) -> Rule:
    return Rule(
        method=method,
        path=path,
        scope=Scope.ADMIN,
        tenancy=Tenancy.OPERATORS,
        answer=answer,
        target=target,
        sent=sent,
    )


_PROJECT = "/api/projects/{project_id}"

RULES = (
    Rule(
        method="POST",
        path="/api/v1/events",
        scope=Scope.INGEST,
        tenancy=Tenancy.REFUSED,
        answer=202,
        sent=Sent.EVENT,
    ),
    Rule(
        method="POST",
        path="/api/v1/events/batch",
        scope=Scope.INGEST,
        tenancy=Tenancy.EACH,
        answer=202,
        sent=Sent.BATCH,
    ),
    _list("/api/v1/events"),
    _one("/api/v1/events/{event_id}", Target.EVENT),
    _list("/api/v1/groups"),
    _one("/api/v1/groups/{group_id}", Target.GROUP),
    _do("/api/v1/groups/{group_id}/analyse", Target.GROUP),
    _list("/api/v1/jobs"),
    _one("/api/v1/jobs/{job_id}", Target.JOB),
    _do("/api/v1/jobs/{job_id}/retry", Target.JOB),
    Rule(
        method="POST",
        path="/api/v1/jobs/retry",
        scope=Scope.WRITE,
        tenancy=Tenancy.OWN_WITHOUT_ASKING,
        answer=202,
    ),
    _list("/api/v1/usage"),
    _list("/api/projects", Tenancy.OWN_WITHOUT_ASKING),
    Rule(
        method="PUT",
        path=_PROJECT,
        scope=Scope.WRITE,
        tenancy=Tenancy.REFUSED,
        target=Target.PROJECT,
        sent=Sent.PROJECT,
    ),
    _one(_PROJECT, Target.PROJECT),
    Rule(
        method="DELETE",
        path=_PROJECT,
        scope=Scope.ADMIN,
        tenancy=Tenancy.HIDDEN,
        answer=204,
        target=Target.PROJECT,
    ),
    _do(f"{_PROJECT}/generate_metadata", Target.PROJECT),
    _one(f"{_PROJECT}/metadata", Target.PROJECT),
    _operate("GET", "/api/v1/keys", 200),
    _operate("POST", "/api/v1/keys", 201, sent=Sent.KEY),
    _operate("POST", "/api/v1/keys/{key_id}/rotate", 201, target=Target.KEY),
    _operate("DELETE", "/api/v1/keys/{key_id}", 204, target=Target.KEY),
    _open("/healthz"),
    # Red, since no worker and no beat run beside these tests.
    _open("/readyz", 503),
    _open("/metrics"),
    _open("/docs"),
    _open("/openapi.json"),
)

BY_NAME: Mapping[str, Rule] = {rule.name: rule for rule in RULES}
