"""Requests that offer another protocol, read as those that do not: this server speaks HTTP/1.1 only.

httptools takes what follows such a head for that other protocol, so that its body is not read, and is
even taken for the next request. Java's own client offers HTTP/2 with every request that is not by TLS.
"""

from __future__ import annotations

from array import array
from typing import Protocol

from httptools import HttpParserUpgrade, HttpRequestParser


class Reader(Protocol):
    """What is told of the parts of a request, with those of the last head."""

    url: bytes
    headers: list[tuple[bytes, bytes]]


class UnupgradedParser(HttpRequestParser):  # type: ignore[misc, unused-ignore]
    """Reads a head that offers an upgrade twice, the second time without its Upgrade header."""

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._reader = reader
        # As uvicorn sets it, to answer the first of several requests whatever comes behind it.
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def is_to_be_read_again(self) -> bool:
        """Of a head that is just complete. CONNECT has its own fate: no route is for it."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def feed_data(self, data: bytes | bytearray | memoryview[int] | array[int]) -> None:
        """As its base, but raises HttpParserUpgrade for CONNECT only."""
        while True:
            try:
                super().feed_data(data)
            except HttpParserUpgrade as exc:
                if self.get_method() == b"CONNECT":
                    raise
                data = self._head() + bytes(data)[exc.args[0] :]
            else:
                return

    def _head(self) -> bytes:
        first = b"%b %b HTTP/%b\r\n" % (self.get_method(), self._reader.url, self.get_http_version().encode())
        kept = [b"%b: %b\r\n" % (name, value) for name, value in self._reader.headers if name != b"upgrade"]
        return b"".join([first, *kept, b"\r\n"])
