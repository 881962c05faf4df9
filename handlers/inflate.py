"""Compressed bodies, unpacked as they come and never beyond a limit."""

from __future__ import annotations

import zlib
from typing import Protocol

from core.errors import FieldProblem, MalformedBody, TooLarge, UnsupportedEncoding

ENCODINGS = ("gzip", "deflate")
_GZIP = zlib.MAX_WBITS | 16
_RAW = -zlib.MAX_WBITS
_DEFLATED = 8


class Unpacker(Protocol):
    """Takes a body in pieces. Raises TooLarge as soon as the limit is passed, and MalformedBody."""

    def feed(self, piece: bytes) -> bytes: ...

    def finish(self) -> None:
        """The body has ended. Raises MalformedBody where there should be more of it."""


def unpacker_for(encoding: str, *, limit: int) -> Unpacker:
    """By the Content-Encoding header. Raises UnsupportedEncoding."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return _Plain(limit)
    if name in {"gzip", "x-gzip", "deflate"}:
        return _Deflated(limit, is_gzip=name != "deflate")
    raise UnsupportedEncoding(
        FieldProblem(field="Content-Encoding", message=f"must be one of {', '.join(ENCODINGS)}")
    )


class _Counted:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def _count(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise too_large(self._limit)
        return piece


class _Plain(_Counted):
    def feed(self, piece: bytes) -> bytes:
        return self._count(piece)

    def finish(self) -> None:
        return


class _Deflated(_Counted):
    """One stream: a gzip body of several members is refused, since each costs more than its few bytes."""

    def __init__(self, limit: int, *, is_gzip: bool) -> None:
        super().__init__(limit)
        self._packed_left = limit
        self._inflate = zlib.decompressobj(_GZIP) if is_gzip else None

    def feed(self, piece: bytes) -> bytes:
        self._packed_left -= len(piece)
        if self._packed_left < 0:
            raise too_large(self._limit)
        if not piece:
            return b""
        if self._inflate is None:
            self._inflate = zlib.decompressobj(_window_bits(piece[0]))
        try:
            # One more than is left: so a body of just the limit is told from a longer one.
            unpacked = self._inflate.decompress(piece, self._left + 1)
        except zlib.error as exc:
            raise _broken("is not what Content-Encoding says") from exc
        if self._inflate.unused_data:
            raise _broken("goes on behind its compressed stream")
        return self._count(unpacked)

    def finish(self) -> None:
        if self._inflate is None or not self._inflate.eof:
            raise _broken("is compressed and cut off")


def _window_bits(first: int) -> int:
    """`deflate` is a zlib stream by its standard, and a bare one from clients that read it otherwise."""
    return zlib.MAX_WBITS if first & 0x0F == _DEFLATED else _RAW


def too_large(limit: int) -> TooLarge:
    return TooLarge(FieldProblem(field="body", message=f"is larger than {limit:,} bytes"))


def _broken(message: str) -> MalformedBody:
    return MalformedBody(FieldProblem(field="body", message=message))
