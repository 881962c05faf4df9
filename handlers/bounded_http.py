"""uvicorn's HTTP protocol with bounds that it lacks: on a request's head, and on the time that a peer takes.

uvicorn keeps whatever comes before the first empty line, and behind the last piece of a body, for ever:
headers without end fill the memory, and a peer that sends one byte a minute holds a connection. It also
keeps all requests that come before the answers to those before them. Bodies are bounded where they are read.
"""

from __future__ import annotations

import time
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from handlers.http_upgrade import UnupgradedParser
from handlers.one_write import OneWrite

MAX_HEAD_BYTES = 65_536
"""Request line and headers. API Gateway takes 10,240."""
_MOST_WAITING = 256
"""Requests of one connection that wait for answers before theirs. Each is a hundred times what was sent."""
_BUSY_SECONDS = 0.1
"""A timer that is so late was held up by the server's own work."""


class BoundedHttp(HttpToolsProtocol):
    """For `uvicorn.Config(http=BoundedHttp)`."""

    head_seconds = 10.0
    """For the head of a request, from its first byte, or from the connection for the first one."""
    rest_seconds = 5.0
    """For what is left of a body when its answer is out: cut at once, a client that still sends would see
    a broken connection and never the answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser: UnupgradedParser = UnupgradedParser(self)
        self._head_bytes = 0
        self._received = 0
        self._is_in_head = True
        self._timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = OneWrite(transport, self.loop)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._received = len(data)
        super().data_received(data)
        if self.transport.is_closing() or not self._is_in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._timer is None and (self._head_bytes > 0 or not self._is_answering()):
            self._wait_for_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes behind a body nobody reads, and must not pass for what came before it.
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.is_to_be_read_again() or self.transport.is_closing():
            return
        if len(self.pipeline) >= _MOST_WAITING:
            self.transport.close()
            return
        self._is_in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._is_in_head:
            return
        super().on_message_complete()
        self._is_in_head = True
        # What was received with the end of a request may hold the next one's beginning, and is not counted.
        self._head_bytes = -self._received
        self._stop_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:
            # uvicorn reads on after each answer, however many requests still wait.
            self.flow.pause_reading()
        if not self._is_in_head and self.cycle.response_complete and not self.transport.is_closing():
            self._set_timer(self.rest_seconds, self.transport.close)

    def _wait_for_head(self) -> None:
        due = time.monotonic() + self.head_seconds
        self._set_timer(self.head_seconds, lambda: self._end_slow_head(due))

    def _end_slow_head(self, due: float) -> None:
        """Unless the server is what was slow: then what came in time lies there unread, or waits its turn."""
        if time.monotonic() - due > _BUSY_SECONDS or self._is_answering():
            self._wait_for_head()
        elif self._head_bytes > 0:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        """In plain text: there is no request yet that the app could answer."""
        if self.transport.is_closing():
            return
        if self._is_answering():
            # It would be read as the answer to an earlier request.
            self.transport.close()
            return
        text = status.phrase.encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (status, text, len(text), text)
        )
        self.transport.close()

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _set_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
