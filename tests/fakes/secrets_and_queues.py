"""Secrets Manager and SQS as far as Rootnote speaks to them, over real HTTP, with trouble on demand."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any]]

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class FakeAws:
    """`refuses` True: every call is answered with 503; `silent_seconds`: none sooner than that, nor done.
    `queues` holds messages as they were sent."""

    def __init__(self) -> None:
        self.url = ""
        self.secrets: dict[str, Mapping[str, str]] = {}
        self.queues: dict[str, list[dict[str, Any]]] = {}
        self.reads: list[str] = []
        self.refuses = False
        self.silent_seconds = 0.0
        self.closing = threading.Event()

    @property
    def environment(self) -> dict[str, str]:
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def queue_url(self, name: str) -> str:
        url = f"{self.url}/000000000000/{name}"
        self.queues.setdefault(url, [])
        return url

    def answer(self, target: str, asked: Mapping[str, Any]) -> Answer:
        if self.refuses or (self.silent_seconds and not self.closing.wait(self.silent_seconds)):
            return 503, {"__type": "ServiceUnavailable", "message": "away"}
        actions: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "secretsmanager.GetSecretValue": self._secret,
            "AmazonSQS.SendMessageBatch": self._take,
        }
        return actions[target](asked)

    def _secret(self, asked: Mapping[str, Any]) -> Answer:
        self.reads.append(asked["SecretId"])
        if asked["SecretId"] not in self.secrets:
            return 400, {"__type": "ResourceNotFoundException", "message": "no such secret"}
        return 200, {"SecretString": json.dumps(dict(self.secrets[asked["SecretId"]]))}

    def _take(self, asked: Mapping[str, Any]) -> Answer:
        taken = []
        for entry in asked["Entries"]:
            self.queues[asked["QueueUrl"]].append(entry)
            digest = hashlib.md5(entry["MessageBody"].encode(), usedforsecurity=False).hexdigest()
            taken.append({"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": digest})
        return 200, {"Successful": taken, "Failed": []}


@contextmanager
def running_aws() -> Iterator[FakeAws]:
    """On a free port of loopback, until the end of the block."""
    fake = FakeAws()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = fake.answer(self.headers["X-Amz-Target"], asked)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as the base names it)
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
