"""AWS Lambda's runtime API on loopback, for one process of one function.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGEST_ANSWER = 6 * 1024 * 1024 + 100
"""Bytes; Lambda refuses a longer answer to a synchronous call."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    request_id: str
    payload: bytes
    function_arn: str
    trace: str
    deadline_ms: int
    """Since the epoch; the function is told of it and is ended at it."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The process has asked for its next invocation: it is ready, or done with the last one."""


@dataclass(frozen=True, kw_only=True)
class InitFailed:
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class Answered:
    request_id: str
    payload: bytes
    failed: bool


@dataclass(frozen=True, kw_only=True)
class Exited:
    code: int


Event = Waiting | InitFailed | Answered | Exited


class RuntimeApi:
    """Give invocations to `offer`; what the process says arrives in `events`."""

    def __init__(self, events: queue.Queue[Event]) -> None:
        self._events = events
        self._offers: queue.Queue[Invocation | None] = queue.Queue()
        self._server = _Server(self)
        self._thread = threading.Thread(
            # The interval is how long `close` waits.
            target=self._server.serve_forever,
            args=(0.05,),
            name="lambda-runtime-api",
            daemon=True,
        )
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def offer(self, invocation: Invocation) -> None:
        self._offers.put(invocation)

    def close(self) -> None:
        self._offers.put(None)
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> Invocation | None:
        """Block until there is one; None when closed."""
        self._events.put(Waiting())
        return self._offers.get()

    def say(self, event: Event) -> None:
        self._events.put(event)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that was ended cannot take its answer, and nobody needs to know."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: else each answer waits 40 ms for the acknowledgement of its head.
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        invocation = self.server.api.next()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace,
        }
        self._answer(200, invocation.payload, headers)

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, _, _, kind, *rest = self.path.split("/")
        if kind == "init":
            self.server.api.say(InitFailed(payload=payload))
        else:
            request_id, outcome = rest
            failed = outcome == "error"
            if len(payload) > LARGEST_ANSWER:
                failed, payload = True, too_large(len(payload))
            self.server.api.say(Answered(request_id=request_id, payload=payload, failed=failed))
        self._answer(202, b'{"status":"OK"}', {})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Not to the standard error of LocalStack."""


def too_large(size: int) -> bytes:
    limit = f"maximum allowed payload size ({LARGEST_ANSWER} bytes)"
    message = f"Response payload size ({size} bytes) exceeded {limit}."
    return json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).encode()
