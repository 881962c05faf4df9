"""The proxy of the fault suite: each fault is what it says, on the wire."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg
import pytest

from infra.local.postgres import PostgresServer
from tests.faults.proxy import Cut, Proxy


def _echo(listener: socket.socket) -> None:
    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(1_000):
                    connection.sendall(chunk)
            except OSError:
                return

    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        Thread(target=answer, args=(connection,), daemon=True).start()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """In front of a server that says again what it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_echo, args=(listener,), daemon=True).start()
        with Proxy(listener.getsockname()[1]) as running:
            yield running


@contextmanager
def connected(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        yield connection


def said(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(1_000)


def test_everything_passes(proxy: Proxy) -> None:
    with connected(proxy) as one, connected(proxy) as two:
        assert said(one, b"hello") == b"hello"
        assert said(two, b"you") == b"you"
        one.shutdown(socket.SHUT_WR)
        assert one.recv(1_000) == b""


def test_refused_until_it_passes_again(proxy: Proxy) -> None:
    with connected(proxy) as before:
        assert said(before, b"hello") == b"hello"
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            before.recv(1_000)
        with pytest.raises(ConnectionRefusedError), connected(proxy):
            pass
    proxy.pass_on()
    with connected(proxy) as after:
        assert said(after, b"hello") == b"hello"


def test_a_black_hole_accepts_and_delivers_only_when_it_is_healed(proxy: Proxy) -> None:
    with connected(proxy) as old:
        assert said(old, b"hello") == b"hello"
        proxy.swallow()
        with connected(proxy) as new:
            for connection in (old, new):
                connection.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    said(connection, b"anybody?")
            proxy.pass_on()
            for connection in (old, new):
                connection.settimeout(5)
                assert connection.recv(1_000) == b"anybody?"


def test_reset_now(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert said(connection, b"hello") == b"hello"
        assert proxy.reset() == 1
        with pytest.raises(ConnectionResetError):
            connection.recv(1_000)
    with connected(proxy) as after:
        assert said(after, b"hello") == b"hello"


def test_reset_in_the_middle_of_a_stream(proxy: Proxy) -> None:
    proxy.bytes_before_reset = 8
    with connected(proxy) as connection:
        assert said(connection, b"hello") == b"hello"
        with pytest.raises(ConnectionResetError):
            said(connection, b"hello")


def test_latency(proxy: Proxy) -> None:
    proxy.latency = 0.1
    with connected(proxy) as connection:
        began = time.monotonic()
        assert said(connection, b"hello") == b"hello"
        assert time.monotonic() - began >= 0.2


def test_a_marker_is_found_over_two_chunks(proxy: Proxy) -> None:
    proxy.cut = Cut(marker=b"STOP", is_said_by_client=True, times=1)
    with connected(proxy) as connection:
        assert said(connection, b"go ST") == b"go ST"
        with pytest.raises(ConnectionResetError):
            said(connection, b"OP")
    with connected(proxy) as again:
        assert said(again, b"STOP") == b"STOP"


@pytest.mark.parametrize(("is_said_by_client", "rows"), [(True, 0), (False, 1)])
def test_a_commit_that_never_comes_or_is_never_heard_of(
    postgres: PostgresServer, database_url: str, *, is_said_by_client: bool, rows: int
) -> None:
    """The nastiest cut: between the server's COMMIT and the client's hearing of it."""
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("CREATE TABLE notes (text text)")
        assert postgres.port is not None
        with Proxy(postgres.port) as proxy:
            url = database_url.replace(f":{postgres.port}/", f":{proxy.port}/")
            proxy.cut = Cut(marker=b"COMMIT", is_said_by_client=is_said_by_client, times=1)
            with pytest.raises(psycopg.OperationalError), psycopg.connect(url) as cut:
                cut.execute("INSERT INTO notes VALUES ('a')")
        assert direct.execute("SELECT count(*) FROM notes").fetchone() == (rows,)


def test_what_is_stranded_is_silent_and_what_is_new_passes(proxy: Proxy) -> None:
    with connected(proxy) as old:
        assert said(old, b"hello") == b"hello"
        proxy.strand()
        old.settimeout(0.3)
        with pytest.raises(TimeoutError):
            said(old, b"anybody?")
        with connected(proxy) as new:
            assert said(new, b"hello") == b"hello"
        proxy.pass_on()
        old.settimeout(5)
        assert old.recv(1_000) == b"anybody?"
