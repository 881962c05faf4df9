"""What is written at a time goes out at once, and nothing of it is lost."""

from __future__ import annotations

import asyncio

import pytest

from handlers.one_write import OneWrite


class Wire(asyncio.Transport):
    """Keeps each write; after its end it refuses them, as uvloop does."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self._is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closed:
            raise RuntimeError("the handler is closed")
        self.writes.append(bytes(data))

    def close(self) -> None:
        self._is_closed = True

    def is_closing(self) -> bool:
        return self._is_closed


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def transport(wire: Wire) -> OneWrite:
    return OneWrite(wire, asyncio.get_running_loop())


async def test_writes_of_one_turn_are_one(wire: Wire, transport: OneWrite) -> None:
    transport.write(b"head ")
    transport.write(memoryview(b"body"))
    assert wire.writes == []
    await asyncio.sleep(0)
    assert wire.writes == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert wire.writes == [b"head body", b"next"]


async def test_what_was_written_before_the_end_goes_out(wire: Wire, transport: OneWrite) -> None:
    transport.write(b"last words")
    transport.close()
    assert wire.writes == [b"last words"]
    assert transport.is_closing()
    await asyncio.sleep(0)
    assert wire.writes == [b"last words"]


async def test_nothing_is_written_to_a_peer_that_went(wire: Wire, transport: OneWrite) -> None:
    transport.write(b"hello?")
    wire.close()
    await asyncio.sleep(0)
    transport.close()
    assert wire.writes == []


async def test_much_is_not_held(wire: Wire, transport: OneWrite) -> None:
    transport.write(b"a" * 65_536)
    assert wire.writes == []
    transport.write(b"b")
    assert wire.writes == [b"a" * 65_536 + b"b"]
    await asyncio.sleep(0)
    assert len(wire.writes) == 1
