"""Who may do what: scopes, each of which holds those before it, and the keys that carry them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

_PREFIX = "rn_"


class Scope(StrEnum):
    INGEST = "ingest"
    """Send events."""
    READ = "read"
    """Read what was stored."""
    WRITE = "write"
    """Change projects and spend money: ask models."""
    ADMIN = "admin"
    """Make and revoke keys."""

    def covers(self, other: Scope) -> bool:
        """An `ingest` key covers nothing else: one that leaks from a client cannot read."""
        ranks = list(Scope)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Whoever asks. `project_id` None: every project. `may_create_projects`: unknown keys make projects.

    `ingest_rate` in events a minute; None: as the settings say.
    """

    scope: Scope
    project_id: UUID | None = None
    project_key: str | None = None
    key_id: UUID | None = None
    ingest_rate: int | None = None
    may_create_projects: bool = False


def new_key() -> str:
    """256 bits, told apart from other systems' keys by its prefix, so that scanners and we can find it."""
    return _PREFIX + secrets.token_urlsafe(32)


def looks_like_key(text: str) -> bool:
    """What `new_key` makes looks so: enough to refuse noise while no key can be looked up."""
    return text.startswith(_PREFIX)


def hash_key(key: str) -> str:
    """sha-256, hexadecimal. A key has 256 random bits, so a slow password hash would buy nothing."""
    return hashlib.sha256(key.encode()).hexdigest()
