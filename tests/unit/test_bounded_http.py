"""What one connection may make the server keep, whatever is sent on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from handlers.bounded_http import BoundedHttp

GET = b"GET /quick HTTP/1.1\r\nHost: a\r\n\r\n"
GET_SLOW = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
OFFERS = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
)
UPGRADE = b"POST /echo HTTP/1.1\r\nHost: a\r\n" + OFFERS + b"Content-Length: 5\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written, and whether more would be read."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_reading_on = True
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self._is_closing = True

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        self.is_reading_on = False

    def resume_reading(self) -> None:
        self.is_reading_on = True

    def statuses(self) -> list[int]:
        return [int(part[:3]) for part in self.written.split(b"HTTP/1.1 ")[1:]]


class Peer:
    """One connection to an app that says what it read of a request."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.go_on = asyncio.Event()
        self.seen: list[Request] = []
        self._config = uvicorn.Config(
            self._app, interface="asgi3", proxy_headers=False, log_config=None, ws="none"
        )
        self.protocol = BoundedHttp(config=self._config, server_state=ServerState(), app_state={})
        self.protocol.connection_made(self.wire)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.seen.append(request)
        if scope["path"] == "/slow":
            await self.go_on.wait()
        body = (await request.body()).decode() if scope["path"] == "/echo" else ""
        await JSONResponse(body)(scope, receive, send)

    async def send(self, data: bytes) -> None:
        """Returns when all that can be answered is answered."""
        if not self.wire.is_closing():
            self.protocol.data_received(data)
        for _ in range(2_000):
            await asyncio.sleep(0)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    yield peer
    peer.go_on.set()
    await peer.send(b"")
    peer.protocol.connection_lost(None)


async def test_what_comes_behind_a_body_is_not_kept(peer: Peer) -> None:
    await peer.send(CHUNKED + b"2\r\nhi\r\n0\r\n" + b"authorization: Bearer x\r\n" * 10_000)
    await peer.send(b"a: b\r\n" * 10_000 + b"\r\n")
    assert peer.wire.written.endswith(b'"hi"')
    assert peer.seen[0].headers.keys() == ["host", "transfer-encoding"]


async def test_requests_before_the_answer_are_few(peer: Peer) -> None:
    await peer.send(GET_SLOW + GET * 200)
    assert len(peer.protocol.pipeline) == 200
    assert not peer.wire.is_reading_on
    await peer.send(GET * 100)
    assert len(peer.protocol.pipeline) == 256
    assert peer.wire.is_closing()
    assert peer.wire.statuses() == []


async def test_nothing_is_read_while_requests_wait(peer: Peer) -> None:
    await peer.send(GET_SLOW + GET + GET_SLOW + GET)
    peer.go_on.set()
    await asyncio.sleep(0)
    while peer.protocol.pipeline:
        assert not peer.wire.is_reading_on
        await asyncio.sleep(0)
    await peer.send(b"")
    assert peer.wire.is_reading_on
    assert peer.wire.statuses() == [200] * 4


async def test_a_head_too_large_is_not_the_answer_to_an_earlier_request(peer: Peer) -> None:
    await peer.send(GET_SLOW)
    await peer.send(b"GET / HTTP/1.1\r\na: " + b"b" * 70_000)
    assert peer.wire.is_closing()
    assert peer.wire.written == b""


@pytest.mark.parametrize("cut", [0, 10, 60, len(UPGRADE) - 1, len(UPGRADE), len(UPGRADE) + 2])
async def test_a_request_that_offers_another_protocol_has_a_body(peer: Peer, cut: int) -> None:
    """Which is no request of its own, as a proxy that forwards such a head would not see it."""
    sent = UPGRADE + b"GET /\n"[:5]
    await peer.send(sent[:cut])
    await peer.send(sent[cut:])
    await peer.send(sent + GET)
    assert peer.wire.statuses() == [200] * 3
    assert peer.wire.written.count(b'"GET /"') == 2
    assert [request.url.path for request in peer.seen] == ["/echo", "/echo", "/quick"]
    assert "upgrade" not in peer.seen[0].headers


async def test_offers_without_end(peer: Peer) -> None:
    await peer.send(GET_SLOW + (b"GET /quick HTTP/1.1\r\nHost: a\r\n" + OFFERS + b"\r\n") * 1_000)
    assert len(peer.protocol.pipeline) == 256
    assert peer.wire.is_closing()
