"""The ECS container agent's task-protection endpoint, with the wire of the real one.

Asked and answered as the agent's own handlers do: unknown fields are refused with 400, `protection`
and `failure` come with 200, `error` with the status of what went wrong.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/api/8c6d2f0e-4f1b-4b6e-9d7a-2f6f0c1e8a55"
TASK = "arn:aws:ecs:eu-central-1:123456789012:task/rootnote/0f5c6dd1"


@dataclass
class EcsAgent:
    """`mode`: ok, failure, error, garbage, or hang, which answers nobody until `let_go`."""

    url: str = ""
    mode: str = "ok"
    asked: list[dict[str, Any]] = field(default_factory=list)
    answered: int = 0
    _going_on: threading.Event = field(default_factory=threading.Event)

    def protections(self) -> list[bool]:
        """What was asked for, in order."""
        return [request["ProtectionEnabled"] for request in self.asked]

    def reset(self, mode: str = "ok") -> None:
        self.let_go()
        self._going_on = threading.Event()
        self.mode, self.answered = mode, 0
        self.asked.clear()

    def let_go(self) -> None:
        self._going_on.set()

    def take(self, body: dict[str, Any]) -> tuple[int, bytes]:
        self.asked.append(body)
        mode = self.mode
        if mode == "hang":
            self._going_on.wait(60)
        self.answered += 1
        if mode == "garbage":
            return 200, b"<html>"
        status, answer = _answer(mode, body)
        return status, json.dumps(answer).encode()


def _answer(mode: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    known = {"ProtectionEnabled": bool, "ExpiresInMinutes": int}
    if any(not isinstance(value, known.get(name, ())) for name, value in body.items()):
        message = "UpdateTaskProtection: failed to decode request"
        return 400, {"error": {"Code": "InvalidParameterException", "Message": message}}
    if mode == "error":
        error = {"Arn": TASK, "Code": "AccessDeniedException", "Message": "no ecs:UpdateTaskProtection"}
        return 400, {"requestID": "b7", "error": error}
    if mode == "failure":
        return 200, {"failure": {"Arn": TASK, "Detail": None, "Reason": "TASK_NOT_VALID"}}
    return 200, {"protection": {"ProtectionEnabled": body["ProtectionEnabled"], "TaskArn": TASK}}


@contextmanager
def running_ecs_agent() -> Iterator[EcsAgent]:
    """On loopback, in threads of this process."""
    agent = EcsAgent()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = self.path == f"{PATH}/task-protection/v1/state"
            status, answer = agent.take(body) if known else (404, b"{}")
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                # Whoever asked has stopped waiting.
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        agent.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield agent
        finally:
            agent.let_go()
            server.shutdown()
            thread.join()
