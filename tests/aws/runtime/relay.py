"""A TCP server between a client and a real one, which can fall silent as a lost network does.

Silence is worse than a refusal: connections are accepted, or stay open, and nothing ever comes back.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType

_CHUNK = 65_536
_POLL_SECONDS = 0.05


class Relay:
    """To `host:port`. One thread; closes all of its connections at the end."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._open = [self._listener]
        self._silent: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_silent = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay")

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def fall_silent(self) -> None:
        """All connections there are, and all that come until `heal`, are never answered again."""
        with self._lock:
            self._is_silent = True
            self._silent.update(self._open[1:])

    def heal(self) -> None:
        """For new connections; those that fell silent stay so."""
        with self._lock:
            self._is_silent = False

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._selector.close()
        for opened in self._open:
            opened.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(_POLL_SECONDS):
                with self._lock:
                    if key.data is None:
                        self._accept()
                    else:
                        self._pass_on(key.fileobj, key.data)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target)
        self._open += (client, server)
        if self._is_silent:
            self._silent |= {client, server}
        self._selector.register(client, selectors.EVENT_READ, data=server)
        self._selector.register(server, selectors.EVENT_READ, data=client)

    def _pass_on(self, source: object, sink: socket.socket) -> None:
        assert isinstance(source, socket.socket)
        try:
            chunk = source.recv(_CHUNK)
            if chunk and source not in self._silent:
                sink.sendall(chunk)
        except OSError:
            chunk = b""
        if not chunk:
            self._selector.unregister(source)
            if source not in self._silent:
                with contextlib.suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)
