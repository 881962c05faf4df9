"""The pre-signed URL that CloudFormation gives a custom resource, as real HTTP on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SIGNATURE = "c1oud5ormation-5ignature"


@dataclass(frozen=True, kw_only=True)
class Put:
    path: str
    content_type: str | None
    body: bytes


class ResponseUrl:
    """`puts` were taken, oldest first. `refuse` says how the next ones are met before that: with an HTTP
    status, or, where that is 0, with a connection that is closed."""

    def __init__(self) -> None:
        self.url = ""
        self.puts: list[Put] = []
        self.refuse: list[int] = []

    @property
    def answer(self) -> dict[str, Any]:
        """The only one: CloudFormation takes no second."""
        [put] = self.puts
        answer: dict[str, Any] = json.loads(put.body)
        return answer


@contextmanager
def response_url() -> Iterator[ResponseUrl]:
    """On a free port of loopback, until the end of the block."""
    stand_in = ResponseUrl()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = stand_in.refuse.pop(0) if stand_in.refuse else 200
            if status == 0:
                self.close_connection = True
                return
            if status == 200:
                stand_in.puts.append(
                    Put(path=self.path, content_type=self.headers["Content-Type"], body=body)
                )
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as the base names it)
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{server.server_port}/stack?X-Amz-Signature={SIGNATURE}"
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
