"""The benchmarks' sender, against a server that answers in pieces."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.load.raw_sender import Load, Sent, http_status, redis_status, send


def request(number: int) -> bytes:
    return b"POST / HTTP/1.1\r\ncontent-length: 8\r\n\r\n%08d" % number


@contextmanager
def server(seen: list[bytes], *, hangs_up: bool = False, one_each: bool = False) -> Iterator[int]:
    """Every third request is answered with 500, each in two pieces. `one_each`: request a connection."""
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
                seen.append(await reader.readexactly(8))
            except asyncio.IncompleteReadError:
                break
            if hangs_up:
                break
            status = 500 if int(seen[-1]) % 3 == 0 else 202
            closing = b"Connection: close\r\n" if one_each else b""
            writer.write(b"HTTP/1.1 %d X\r\n%bContent-Length: 4\r\n\r\nok" % (status, closing))
            await writer.drain()
            await asyncio.sleep(0.001)
            writer.write(b"ok")
            if one_each:
                break
        writer.close()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(serve, "127.0.0.1", 0)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    started = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    try:
        yield started.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(started.close)
        loop.call_soon_threadsafe(loop.call_later, 0.1, loop.stop)
        thread.join(5)
        loop.close()


def sent_to(port: int) -> Sent:
    return send(
        Load(port=port, requests=request, connections=3, seconds=0.2, first=1_000_000, read=http_status)
    )


def test_every_answer_is_counted_by_its_status() -> None:
    seen: list[bytes] = []
    with server(seen) as port:
        sent = sent_to(port)
    numbers = sorted(map(int, seen))
    assert numbers == list(range(1_000_000, 1_000_000 + len(seen)))
    refused = sum(number % 3 == 0 for number in numbers)
    assert sent.statuses == {202: len(seen) - refused, 500: refused}
    assert sent.answers == len(seen)
    assert sent.seconds >= 0.2
    assert 1 <= sent.p50 <= sent.p99


def test_a_server_may_say_that_it_hangs_up_after_each_answer() -> None:
    seen: list[bytes] = []
    with server(seen, one_each=True) as port:
        sent = sent_to(port)
    assert len(seen) > 3
    assert sent.answers == len(seen)


def test_a_server_that_hangs_up_is_an_error() -> None:
    with server([], hangs_up=True) as port, pytest.raises(ConnectionError, match="hung up"):
        sent_to(port)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n", None),
        (b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\no", None),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok", 202),
        (b"HTTP/1.1 204 No Content\r\nserver: x\r\n\r\n", 204),
    ],
)
def test_an_answer_is_read_when_it_is_complete(answer: bytes, status: int | None) -> None:
    assert http_status(answer) == status


@pytest.mark.parametrize(("answer", "status"), [(b":1", None), (b":12\r\n", 200), (b"-OOM full\r\n", 500)])
def test_redis_answers_a_push_with_a_number(answer: bytes, status: int | None) -> None:
    assert redis_status(answer) == status
