"""From containers to servers that listen on 127.0.0.1 alone, without opening those to the network."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from infra.local.errors import LocalError
from infra.samlocal.network import Network

_START_SECONDS = 10.0
_CHUNK = 65_536
_IP_FREEBIND = 15
"""Linux: the bridge has no address before its first container runs."""


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine as only itself calls it."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Relay:
    """Listens on the bridge's own address, and serves who calls from that bridge and nobody else.

    `target` gives the server's URL, which is only known once that has started.
    """

    def __init__(self, network: Network, target: Callable[[], str], *, default_port: int) -> None:
        self._network = network
        self._target = target
        self._default_port = default_port
        self._port = 0
        self._failure = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._listening = threading.Event()

    @property
    def url(self) -> str:
        """The target's, as containers say it."""
        parts = urlsplit(self._target())
        user = parts.netloc.rpartition("@")[0]
        where = f"{self._network.gateway}:{self._port}"
        return parts._replace(netloc=f"{user}@{where}" if user else where).geturl()

    def start(self) -> None:
        """A port that was chosen is kept for later starts. Raises LocalError."""
        self._failure = ""
        self._listening.clear()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()
        in_time = self._listening.wait(_START_SECONDS)
        if self._failure or not in_time:
            reason = self._failure or "no thread"
            raise LocalError(f"cannot listen on {self._network.gateway} for containers: {reason}")

    def stop(self) -> None:
        if self._thread is not None:
            self.kill()
            self._thread.join(_START_SECONDS)
            self._thread = None

    def kill(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._loop.stop)

    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        loop = self._loop = asyncio.new_event_loop()
        try:
            server = loop.run_until_complete(self._listen())
            self._listening.set()
            loop.run_forever()
            server.close()
        except OSError as error:
            self._failure = str(error)
            self._listening.set()
        finally:
            loop.run_until_complete(_cancel_all())
            loop.close()

    async def _listen(self) -> asyncio.Server:
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            listener.bind((self._network.gateway, self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        return await asyncio.start_server(self._serve, sock=listener)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Other machines can send packets for the bridge's address here, too.
        peer = ipaddress.ip_address(writer.get_extra_info("peername")[0])
        if peer not in self._network.subnet:
            writer.transport.abort()
            return
        with contextlib.closing(writer):
            parts = urlsplit(self._target())
            port = parts.port or self._default_port
            with contextlib.suppress(OSError):
                there, to_there = await asyncio.open_connection(parts.hostname, port)
                with contextlib.closing(to_there):
                    await asyncio.gather(_copy(reader, to_there), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # What was closed is torn down by the loop's next turn.
    await asyncio.sleep(0)
