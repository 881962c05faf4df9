"""Who may do what: scopes, each of which holds those before it, and the keys that carry them."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

_PREFIX = "rn_"
_RANDOM_BYTES = 32
_SHAPE = re.compile(r"(rn_[A-Za-z0-9_-]{43})([0-9A-Za-z]{6})")
_BASE_62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECKSUM_LETTERS = 6
"""Enough for 32 bits, since 62 ** 6 > 2 ** 32."""


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
        return other is self or other in _NARROWER[self]

    @property
    def narrower(self) -> tuple[Scope, ...]:
        """Those that this one holds, but for itself."""
        return _NARROWER[self]


_NARROWER = {scope: tuple(Scope)[:rank] for rank, scope in enumerate(Scope)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Whoever asks. `project_id` None: every project; else `project_key` is that project's own.

    `may_create_projects`: unknown project keys make projects. `ingest_rate` in events a minute; None: as
    the settings say.
    """

    scope: Scope
    project_id: UUID | None = None
    project_key: str | None = None
    key_id: UUID | None = None
    ingest_rate: int | None = None
    may_create_projects: bool = False

    def may_use(self, project_key: str) -> bool:
        """Whether the project with this key can be this caller's at all."""
        return self.project_key is None or self.project_key == project_key


class Shape(StrEnum):
    """What the text of a key says by itself."""

    CHECKED = "checked"
    """As `new_key` makes them: the checksum is right."""
    BROKEN = "broken"
    """As long as those, but the checksum is wrong: mistyped, cut, or made up."""
    UNKNOWN = "unknown"
    """Anything else: a key from before there were checksums, or one that was made elsewhere."""


def new_key() -> str:
    """256 bits, told apart from other systems' keys by its prefix, so that scanners and we can find it.

    Its last six letters are a checksum of the rest, by which noise is refused without asking anybody.
    """
    body = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return body + _checksum(body)


def shape_of(key: str) -> Shape:
    """Proves nothing of who sent it: anybody can reckon a checksum."""
    parts = _SHAPE.fullmatch(key)
    if parts is None:
        return Shape.UNKNOWN
    return Shape.CHECKED if parts[2] == _checksum(parts[1]) else Shape.BROKEN


def _checksum(body: str) -> str:
    """CRC-32 in base 62, most significant digit first."""
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LETTERS):
        number, digit = divmod(number, len(_BASE_62))
        letters = _BASE_62[digit] + letters
    return letters


def hash_key(key: str) -> str:
    """sha-256, hexadecimal. A key has 256 random bits, so a slow password hash would buy nothing."""
    return hashlib.sha256(key.encode()).hexdigest()
