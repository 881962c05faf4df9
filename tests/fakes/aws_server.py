"""A small AWS on loopback, in the test's own process: what a test says is there is there.

Its address goes into AWS_ENDPOINT_URL. It also takes what stand-ins for programs tell of how they were
called (`/_tool`), so that everything that happened stands in one journal, in order.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes.aws_wire import AwsFault, read_request, write_answer, write_fault

Operation = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """Of an API (`what` is `ecs.RunTask`, `given` its input) or of a program (`what` is `docker push`)."""

    what: str
    given: Mapping[str, Any]


@dataclass(kw_only=True)
class AwsServer:
    """`operations` by `service.Operation`; `tool` answers the stand-ins with {"code": …, "out": …};
    `pages` are what plain GETs find, by path, as (status, JSON)."""

    operations: dict[str, Operation] = field(default_factory=dict)
    tool: Operation = field(default=lambda _: {})
    pages: dict[str, tuple[int, Mapping[str, Any]]] = field(default_factory=dict)
    journal: list[Call] = field(default_factory=list)
    url: str = ""

    def said(self) -> list[str]:
        return [call.what for call in self.journal]

    def given(self, what: str) -> Mapping[str, Any]:
        """The last call of this kind."""
        return [call.given for call in self.journal if call.what == what][-1]

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        request = read_request(headers, body)
        what = f"{request.service}.{request.operation}"
        self.journal.append(Call(what=what, given=request.given))
        try:
            if what not in self.operations:
                raise AwsFault("InvalidAction", f"the fake has no {what}")
            kind, text = write_answer(request, self.operations[what](request.given))
        except AwsFault as fault:
            kind, text = write_fault(request.service, fault)
            return fault.status, kind, text
        return 200, kind, text

    def answer_tool(self, body: bytes) -> bytes:
        told = json.loads(body)
        name = told["argv"][0].rpartition("/")[2]
        self.journal.append(Call(what=" ".join([name, *told["argv"][1:2]]), given=told))
        return json.dumps({"code": 0, "out": "", **self.tool(told)}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: as two, the second waits 40 ms for the first one's receipt.
    wbufsize = -1
    aws: AwsServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/_tool":
            self._send(200, "application/json", self.aws.answer_tool(body))
        else:
            self._send(*self.aws.answer(dict(self.headers.items()), body))

    def do_GET(self) -> None:
        status, page = self.aws.pages.get(self.path, (404, {}))
        self._send(status, "application/json", json.dumps(page).encode())

    def do_HEAD(self) -> None:
        """S3 has no such object yet."""
        self._send(404, "text/xml", b"")

    def do_PUT(self) -> None:
        """S3 takes every object."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.aws.journal.append(Call(what="s3.PutObject", given={"path": self.path}))
        self._send(200, "text/xml", b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Into the journal, not to the terminal."""

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running_aws() -> Iterator[AwsServer]:
    aws = AwsServer()
    handler = type("Handler", (_Handler,), {"aws": aws})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        aws.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield aws
        finally:
            server.shutdown()
            thread.join(5)
