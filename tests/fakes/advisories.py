"""A source of advisories on loopback that speaks OSV's wire."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True)
class AdvisoryServer:
    """`asked` are the queries, as name==version."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def running_advisory_server(
    vulnerable: Mapping[str, tuple[str, str]], *, status: int = 200
) -> Iterator[AdvisoryServer]:
    """`vulnerable` has an id and the version that mends it, by name==version."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = query["package"]["name"]
            asked.append(f"{name}=={query['version']}")
            answer = json.dumps(_answer(name, vulnerable.get(asked[-1]))).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing: tests look at `asked`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield AdvisoryServer(url=f"http://127.0.0.1:{server.server_address[1]}/v1/query", asked=asked)
        finally:
            server.shutdown()
            thread.join()


def _answer(name: str, advisory: tuple[str, str] | None) -> dict[str, object]:
    if advisory is None:
        return {}
    id_, fixed = advisory
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = {
        "package": {"name": name, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"vulns": [{"id": id_, "summary": "a fault", "affected": [affected]}]}
