"""A transport that sends what is written at a time at once.

uvicorn writes the head of an answer and then its body, and uvloop hands each write to the system as it comes:
two packets, each of which wakes the peer. That was a quarter of what an ingest request cost.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport

_MOST_HELD = 65_536
"""Bytes. What is more goes on at once, so that its writer feels a peer that reads slowly."""


class OneWrite(Transport):
    """Holds what is written until the loop's next turn. Has what uvicorn's cycles ask of a transport."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held += bytes(data)
        if len(self._held) > _MOST_HELD:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _flush(self) -> None:
        held, self._held = self._held, b""
        # The peer may have gone meanwhile, and uvloop raises for a write to nobody.
        if held and not self._transport.is_closing():
            self._transport.write(held)
