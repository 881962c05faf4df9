"""A TCP proxy between the stack's processes and a server, with the network's faults on demand.

It runs on loopback in a thread of its own. What is asked of it is in force when the call returns, for
connections that are open as well as for new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Self, TypeVar

T = TypeVar("T")

_CHUNK = 65_536
_CALL_SECONDS = 10.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(kw_only=True)
class Cut:
    """Connections are reset in place of passing on bytes that hold `marker` (two or more), `times` in all.

    Said by the client, what the marker belongs to never happens; said by the server, it happened
    and the client never hears of it.
    """

    marker: bytes
    is_said_by_client: bool
    times: int
    done: int = 0

    def is_due(self, seen: bytes, *, by_client: bool) -> bool:
        if self.done >= self.times or by_client is not self.is_said_by_client or self.marker not in seen:
            return False
        self.done += 1
        return True


@dataclass(kw_only=True, slots=True)
class _Talk:
    """Of one connection."""

    is_clients_turn: bool = True


class Proxy:
    """Passes everything on to `target_port` of 127.0.0.1, until it is told otherwise."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.cut: Cut | None = None
        self.latency = 0.0
        """Seconds that every chunk is held back, in both directions."""
        self.turns = 0
        """How often a client has spoken with all heard that it was told: what it waited for, in round trips.
        To be read with some `latency`, during which whatever does not wait for an answer is said as well."""
        self.bytes_before_reset: int | None = None
        """Of the server's, on one connection; the connection is reset in their place."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._flows = asyncio.Event()
        self._flows.set()
        self._stranded: list[asyncio.Event] = []
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_SECONDS)
        self._loop.close()

    def routed(self, url: str) -> str:
        """The server's URL, by way of here."""
        return url.replace(f":{self.target_port}/", f":{self.port}/")

    def pass_on(self) -> None:
        """End every fault; what a black hole held back is delivered, as after a partition."""
        self._run(self._heal())

    def refuse(self) -> None:
        """Connections are reset, new ones refused."""
        self._run(self._stop_listening())
        self.reset()

    def swallow(self) -> None:
        """A black hole: connections are accepted, and on none of them anything comes through."""
        self._run(self._freeze())

    def strand(self) -> None:
        """Connections that are open now stay open and fall silent; new ones pass. So it is when a NAT or a
        load balancer forgets a connection."""
        self._run(self._abandon())

    def reset(self) -> int:
        """RST on every connection, now. Gives how many there were; new ones pass."""
        return self._run(self._reset_all())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _heal(self) -> None:
        self.cut, self.latency, self.bytes_before_reset = None, 0.0, None
        for flows in (self._flows, *self._stranded):
            flows.set()
        self._stranded.clear()
        if self._server is None:
            await self._listen()

    async def _freeze(self) -> None:
        self._flows.clear()

    async def _abandon(self) -> None:
        self._flows.clear()
        self._stranded.append(self._flows)
        self._flows = asyncio.Event()
        self._flows.set()

    async def _reset_all(self) -> int:
        connections = len(self._serving)
        for writer in tuple(self._open):
            _reset(writer)
        return connections

    async def _close(self) -> None:
        await self._stop_listening()
        await self._reset_all()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        flows = self._flows
        self._serving.add(task)
        self._open.add(writer)
        try:
            await flows.wait()
            await self._join(reader, writer, flows)
        except OSError:
            _reset(writer)
        except asyncio.CancelledError:
            # Only `_close` cancels; asyncio's server would report a cancelled connection as an error.
            _reset(writer)
        finally:
            self._serving.discard(task)
            self._open.discard(writer)

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event
    ) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self.target_port)
        self._open.add(to_there)
        talk = _Talk()
        try:
            await asyncio.gather(
                self._pump(reader, to_there, flows, talk, back=writer, by_client=True),
                self._pump(there, writer, flows, talk, back=to_there, by_client=False),
            )
        finally:
            self._open.discard(to_there)
            _reset(to_there)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        flows: asyncio.Event,
        talk: _Talk,
        *,
        back: asyncio.StreamWriter,
        by_client: bool,
    ) -> None:
        seen, passed = b"", 0
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(_CHUNK):
                if by_client:
                    self.turns += talk.is_clients_turn
                    talk.is_clients_turn = False
                await asyncio.sleep(self.latency)
                await flows.wait()
                cut = self.cut
                if cut is not None:
                    seen = seen[-len(cut.marker) + 1 :] + chunk
                if (cut is not None and cut.is_due(seen, by_client=by_client)) or (
                    not by_client and self._is_over(passed + len(chunk))
                ):
                    _reset(back)
                    _reset(sink)
                    return
                if not by_client:
                    talk.is_clients_turn = True
                sink.write(chunk)
                await sink.drain()
                passed += len(chunk)
        await flows.wait()
        sink.close()

    def _is_over(self, passed: int) -> bool:
        return self.bytes_before_reset is not None and passed > self.bytes_before_reset


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST in place of a goodbye."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
