"""A model server that costs next to nothing: one ready answer after a set time, and how many calls wait.

The fakes' own server reads, checks and keeps each call, for 0.5 ms of CPU each; this one takes 0.2, on a core
that it shares with PostgreSQL.

`python -m tests.load.lean_model` serves on 127.0.0.1 and prints its address; it ends with standard input.
PUT /latency?SECONDS: how long each call takes from now on; counts begin anew. GET /counts: `Counts` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import cast

import httpx2

from tests.conftest import ROOT
from tests.fakes.openai_wire import completion

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

QUOTE = "no answer from the bank within 5 s"
"""What the answer says that the event holds; those of `tests.load.made_events` do."""

_ANALYSIS = {
    "root_cause": "The bank did not answer within 5 s, and the payment is not tried once more.",
    "category": "timeout",
    "evidence": [QUOTE],
    "suggested_fix": "Try once more with the same key, and tell the customer that it may take a while.",
    "unknowns": ["Whether the bank had an outage."],
    "confidence": 0.7,
    "inconclusive": False,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Since the latency was last set. `most`: calls that waited for their answer at one time."""

    calls: int
    most: int


class _Model:
    """What all connections share."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.calls = self.waiting = self.most = 0
        self.answer = _response(completion("lean", json.dumps(_ANALYSIS), prompt_tokens=900))

    def begin(self) -> None:
        self.calls += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)

    def control(self, method: bytes, target: bytes) -> bytes:
        if method == b"PUT":
            self.latency = float(target.partition(b"?")[2])
            self.calls, self.most = 0, self.waiting
        return _response(asdict(Counts(calls=self.calls, most=self.most)))


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as the SDKs' clients speak it: one request at a time, its length told."""

    def __init__(self, model: _Model) -> None:
        self._model = model
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(_HEAD_END)
        if not found:
            return
        length = _LENGTH.search(head)
        if len(body) < (int(length[1]) if length else 0):
            return
        self._received = b""
        method, target = head.split(b" ", 2)[:2]
        if method == b"POST":
            self._model.begin()
            asyncio.get_running_loop().call_later(self._model.latency, self._answer)
        else:
            self._transport.write(self._model.control(method, target))

    def _answer(self) -> None:
        self._model.waiting -= 1
        if not self._transport.is_closing():
            self._transport.write(self._model.answer)


def _response(content: object) -> bytes:
    body = json.dumps(content).encode()
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )


class LeanModel:
    """A handle on one that runs."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    @property
    def openai_base_url(self) -> str:
        return f"{self.url}/v1"

    def set_latency(self, seconds: float) -> None:
        self._ask("PUT", f"/latency?{seconds}")

    def counts(self) -> Counts:
        return Counts(**self._ask("GET", "/counts").json())

    def _ask(self, method: str, path: str) -> httpx2.Response:
        # A proxy of the developer's must not come between two processes on loopback.
        return httpx2.request(method, f"{self.url}{path}", trust_env=False, timeout=10).raise_for_status()


@contextmanager
def running_lean_model() -> Iterator[LeanModel]:
    """On a free port, until the end of the block."""
    command = [sys.executable, "-m", "tests.load.lean_model"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise RuntimeError(f"the model server ended with {process.wait(10)}")
            yield LeanModel(url, process.pid)
        finally:
            process.kill()


async def _serve() -> None:
    model = _Model()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(model), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    asyncio.run(_serve())
