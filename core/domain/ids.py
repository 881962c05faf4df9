"""Ids that carry their own idempotency.

A group's and a keyed event's id follow from what they are, so that concurrent writers agree without
asking the database first; everything else gets a UUIDv7, which keeps index pages hot.
"""

from __future__ import annotations

from uuid import UUID, uuid5

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


def group_id(project_id: UUID, fingerprint: str, version: int) -> UUID:
    return uuid5(project_id, f"group:{version}:{fingerprint}")


def event_id(project_id: UUID, event_key: str) -> UUID:
    """The same key in the same project is the same event."""
    return uuid5(project_id, f"event:{event_key}")
