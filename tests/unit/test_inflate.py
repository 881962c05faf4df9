"""Compressed bodies: any split gives the same, nothing goes beyond the limit, and what is broken is said."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FieldProblem, InvalidInput, MalformedBody, TooLarge, UnsupportedEncoding
from handlers.inflate import unpacker_for

LIMIT = 10_000


def unpack(encoding: str, *pieces: bytes, limit: int = LIMIT) -> bytes:
    unpacker = unpacker_for(encoding, limit=limit)
    unpacked = b"".join([unpacker.feed(piece) for piece in pieces])
    unpacker.finish()
    return unpacked


def _bare(body: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(body) + deflate.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    " GZIP ": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": _bare,
}


@pytest.mark.parametrize("encoding", PACKERS)
@given(body=st.binary(max_size=500), size=st.integers(1, 40))
def test_any_split_gives_the_body(encoding: str, body: bytes, size: int) -> None:
    packed = PACKERS[encoding](body)
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert unpack(encoding, *pieces) == body
    assert unpack(encoding, b"", packed, b"") == body


@pytest.mark.parametrize("encoding", PACKERS)
def test_the_limit_is_that_of_the_unpacked_body(encoding: str) -> None:
    assert len(unpack(encoding, PACKERS[encoding](b"a" * LIMIT))) == LIMIT
    with pytest.raises(TooLarge) as caught:
        unpack(encoding, PACKERS[encoding](b"a" * (LIMIT + 1)))
    assert caught.value.problems == (FieldProblem(field="body", message="is larger than 10,000 bytes"),)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_never_unpacked(encoding: str) -> None:
    """100 MiB in 100 kB."""
    packed = PACKERS[encoding](bytes(100 * 2**20))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        unpack(encoding, packed, limit=2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_what_does_not_shrink_is_bounded_as_it_came() -> None:
    """Blocks of no bytes unpack to nothing, however many there are."""
    empty_block = b"\0\0\0\xff\xff"
    with pytest.raises(TooLarge):
        unpack("deflate", empty_block * (LIMIT // 5 + 1))


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", b""),
        ("gzip", b"{}"),
        ("gzip", gzip.compress(b"body")[:-1]),
        ("gzip", gzip.compress(b"body")[:9]),
        ("gzip", gzip.compress(b"body")[:-8] + bytes(8)),
        ("gzip", gzip.compress(b"body") + b"x"),
        ("gzip", gzip.compress(b"bo") + gzip.compress(b"dy")),
        ("gzip", zlib.compress(b"body")),
        ("deflate", b""),
        ("deflate", b"{}"),
        ("deflate", zlib.compress(b"body")[:-1]),
        ("deflate", _bare(b"body")[:-1]),
        ("deflate", gzip.compress(b"body")),
    ],
)
def test_a_broken_stream_is_malformed(encoding: str, packed: bytes) -> None:
    with pytest.raises(MalformedBody, match="body: "):
        unpack(encoding, packed)
    with pytest.raises(MalformedBody, match="body: "):
        unpack(encoding, *(packed[at : at + 1] for at in range(len(packed))))


@pytest.mark.parametrize(
    "encoding", ["br", "zstd", "gzip, gzip", "identity, gzip", "*", "gzip;q=1", "x" * 5_000]
)
def test_other_encodings_are_unsupported(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match="Content-Encoding: must be one of gzip, deflate"):
        unpacker_for(encoding, limit=LIMIT)


@given(st.sampled_from(["gzip", "deflate"]), st.lists(st.binary(max_size=60), max_size=5))
def test_nothing_else_is_ever_raised(encoding: str, pieces: list[bytes]) -> None:
    try:
        unpack(encoding, b"\x1f\x8b\x08", *pieces)
    except InvalidInput:
        return
