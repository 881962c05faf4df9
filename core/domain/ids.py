"""Ids that carry their own idempotency.

A group's and a keyed event's id follow from what they are, so that concurrent writers agree without
asking the database first; everything else gets a UUIDv7, which keeps index pages hot.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from uuid import UUID

import uuid_utils
from uuid_utils import reseed_rng
from uuid_utils.compat import uuid5, uuid7


def new_id() -> UUID:
    return uuid7()


def new_request_id() -> str:
    """32 hexadecimal digits, of a UUIDv7."""
    return uuid_utils.uuid7().hex


def reseed() -> None:
    """For a process that is a copy of another, and would make the same ids as that one."""
    reseed_rng()


def first_id_at(at: datetime) -> UUID:
    """The smallest UUIDv7 of that millisecond: ids made since then are not smaller."""
    milliseconds = int(at.timestamp() * 1_000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


@lru_cache(maxsize=4_096)
def group_id(project_id: UUID, fingerprint: str, version: int) -> UUID:
    return uuid5(project_id, f"group:{version}:{fingerprint}")


def event_id(project_id: UUID, event_key: str) -> UUID:
    """The same key in the same project is the same event."""
    return uuid5(project_id, f"event:{event_key}")
