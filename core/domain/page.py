"""Pages by cursor: a place in an order, never an offset, so that pages stay fast and do not shift."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from core.errors import FieldProblem, InvalidInput

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BYTES = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """The last thing of a page: the next page holds what is older."""

    at: datetime
    id: UUID

    def encode(self) -> str:
        micros = (self.at - _EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(micros.to_bytes(8, "big", signed=True) + self.id.bytes).decode()


def decode_cursor(text: str) -> Cursor:
    """Raises InvalidInput for what `Cursor.encode` never gave out."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii"))
        if len(raw) != _BYTES:
            raise ValueError("wrong length")
        at = _EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], "big", signed=True))
    except (ValueError, OverflowError, binascii.Error) as exc:
        raise InvalidInput(
            FieldProblem(field="cursor", message="is not a cursor that this API gave")
        ) from exc
    return Cursor(at=at, id=UUID(bytes=raw[8:]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """`next` is None on the last page."""

    items: tuple[T, ...]
    next: Cursor | None


def page_of(found: Sequence[T], limit: int, place: Callable[[T], Cursor]) -> Page[T]:
    """A page from one more than `limit` things, asked for to see whether there is another page."""
    shown = tuple(found[:limit])
    return Page(items=shown, next=place(shown[-1]) if len(found) > limit else None)
