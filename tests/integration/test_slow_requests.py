"""Requests as bytes on a socket: endless, slow, cut off, or none at all. Each ends, and others are served."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence

import httpx2
import psycopg
import pytest

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.api_process import ApiProcess, running_api
from tests.conftest import migrate

HOST = b"Host: localhost\r\n"
EVENTS = b"POST /api/v1/events HTTP/1.1\r\n" + HOST
BODY_SECONDS = 1.0
HEAD_SECONDS = 2.0
"""As `tests.api_process` sets it."""


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, valkey: ValkeyServer
) -> Iterator[ApiProcess]:
    url = postgres.create_database("slow_requests")
    migrate(url)
    folder = tmp_path_factory.mktemp("api")
    body_timeout = str(BODY_SECONDS)
    with running_api(
        folder, database_url=url, redis_url=valkey.url, AUTH="off", BODY_TIMEOUT=body_timeout
    ) as api:
        yield api


@pytest.fixture(autouse=True)
def _unharmed(api: ApiProcess) -> Iterator[None]:
    yield
    assert httpx2.get(f"{api.url}/healthz", trust_env=False, timeout=10).status_code == 200
    assert api.problems_logged() == []


def talk(
    api: ApiProcess, sent: bytes, *, then: bytes = b"", every: float = 0.25, longest: float = 20
) -> bytes:
    """All that the server says until it closes the connection, while `then` is sent again and again."""
    deadline = time.monotonic() + longest
    heard = b""
    with socket.create_connection(("127.0.0.1", api.port), timeout=every) as peer:
        try:
            peer.sendall(sent)
            while time.monotonic() < deadline:
                try:
                    if not (piece := peer.recv(65_536)):
                        return heard
                    heard += piece
                except TimeoutError:
                    if then:
                        peer.sendall(then)
        except (BrokenPipeError, ConnectionResetError):
            return heard
    raise AssertionError(f"still open after {longest} s: {heard!r}")


@pytest.mark.parametrize(
    ("sent", "then", "says"),
    [
        (b"", b"", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: lo", b"", b"HTTP/1.1 408 "),
        (b"GET /healthz HTTP/1.1\r\n" + HOST, b"a: b\r\n", b"HTTP/1.1 408 "),
        (b"GET /", b"a", b"HTTP/1.1 408 "),
    ],
)
def test_a_head_that_does_not_end(api: ApiProcess, sent: bytes, then: bytes, says: bytes) -> None:
    assert talk(api, sent, then=then).startswith(says)


@pytest.mark.parametrize(
    ("sent", "then"),
    [
        (EVENTS + b"Content-Length: 500\r\n\r\n{", b""),
        (EVENTS + b"Content-Length: 500\r\n\r\n{", b" "),
        (EVENTS + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (EVENTS + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        (EVENTS + b"Content-Length: 500\r\nExpect: 100-continue\r\n\r\n", b""),
    ],
)
def test_a_body_that_does_not_end(api: ApiProcess, sent: bytes, then: bytes) -> None:
    started = time.monotonic()
    answer = talk(api, sent, then=then)
    assert time.monotonic() - started >= BODY_SECONDS
    assert b"HTTP/1.1 408 " in answer
    assert b"application/problem+json" in answer
    assert b"did not come within 1 seconds" in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 500\r\n\r\n",
        EVENTS + b"Content-Length: 99999999\r\n\r\n",
    ],
)
def test_a_body_that_nobody_waits_for(api: ApiProcess, sent: bytes) -> None:
    """The answer is out, and the rest of the body never comes."""
    answer = talk(api, sent, then=b"a")
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 413 "))


def test_whoever_still_sends_hears_the_answer(api: ApiProcess) -> None:
    body = b"x" * 8_000_000
    response = httpx2.post(f"{api.url}/api/v1/events", content=body, trust_env=False, timeout=20)
    assert response.status_code == 413


@pytest.mark.parametrize(
    "head",
    [
        b"GET /?" + b"a" * 2_000_000,
        b"GET / HTTP/1.1\r\n" + HOST + b"a: " + b"b" * 2_000_000,
        b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 400_000,
        b"a" * 2_000_000,
        b"\r\n" * 1_000_000,
    ],
)
def test_a_head_without_bounds(api: ApiProcess, head: bytes) -> None:
    answer = talk(api, head)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def test_an_answer_may_take_longer_than_a_head(api: ApiProcess, postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url.rsplit("/", 1)[0] + "/slow_requests") as held:
        held.execute("LOCK TABLE error_events IN ACCESS EXCLUSIVE MODE")
        with socket.create_connection(("127.0.0.1", api.port), timeout=20) as peer:
            peer.sendall(b"GET /api/v1/events HTTP/1.1\r\n" + HOST + b"\r\n")
            time.sleep(HEAD_SECONDS + 0.5)
            held.rollback()
            assert peer.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_each_head_of_a_connection_has_its_own_time(api: ApiProcess) -> None:
    request = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as peer:
        for _ in range(2):
            peer.sendall(request[:10])
            time.sleep(0.2)
            peer.sendall(request[10:])
            answer = b""
            while not answer.endswith(b"}") and (piece := peer.recv(65_536)):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 200 ")
            time.sleep(HEAD_SECONDS - 0.1)


@pytest.mark.parametrize(
    ("requests", "statuses"),
    [
        ([b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"] * 200, [200] * 200),
        ([EVENTS + b"Content-Length: 2\r\n\r\n{}"] * 20, [422] * 20),
        ([EVENTS + b"Content-Length: 1\r\n\r\n{}", b"GET /healthz HTTP/1.1\r\n"], [400]),
    ],
)
def test_requests_that_come_at_once(api: ApiProcess, requests: Sequence[bytes], statuses: list[int]) -> None:
    """A length that is too short makes the rest another request, which is none: the connection ends."""
    answer = talk(api, b"".join(requests), longest=30)
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == statuses


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /\xff HTTP/1.1\r\n" + HOST, 400),
        (b"GET healthz HTTP/1.1\r\n" + HOST, 400),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST, 404),
        (b"CONNECT a:80 HTTP/1.1\r\n" + HOST, 400),
        (b"TRACE / HTTP/1.1\r\n" + HOST, 404),
        (b"GET http://elsewhere/healthz HTTP/1.1\r\n" + HOST, 200),
        (b"GET /../../healthz HTTP/1.1\r\n" + HOST, 404),
        (b"GET /%00 HTTP/1.1\r\n" + HOST, 404),
        (b"GET /api%2fv1%2fevents HTTP/1.1\r\n" + HOST, 200),
        (EVENTS + b"Content-Length: -1\r\n", 400),
        (EVENTS + b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        (EVENTS + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", 400),
        (EVENTS + b"Content-Length: 99999999999999999999999\r\n", 400),
        (EVENTS + b"Transfer-Encoding: nonsense\r\n", 400),
    ],
)
def test_an_odd_head(api: ApiProcess, head: bytes, status: int) -> None:
    answer = talk(api, head + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
