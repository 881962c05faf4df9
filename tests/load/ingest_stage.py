"""All that ingest is measured on: both sides' servers and databases, and the sender's process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
import redis

from core.domain.access import hash_key, new_key
from core.domain.job import ANALYSIS_VERSION
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrate
from tests.load.http_server import HttpServer, http_server
from tests.load.made_events import Events, project_keys
from tests.load.raw_sender import Load, Sent, http_status, send, sender_process

OURS = ("handlers.serve",)
REFERENCE = ("uvicorn", "tests.load.reference.main:app")
_FLOORS = ("uvicorn", "tests.load.floor_app:app", "--no-access-log", "--log-level=warning")
NO_END = "1000000/second"
"""A quota that is counted and never reached."""
_REQUESTS_A_LOAD = 1_000_000
"""More than any load sends: numbers of one are never those of another."""

_EMPTY_OURS = "TRUNCATE error_groups, error_events, error_analysis, jobs, llm_calls CASCADE"
_EMPTY_REFERENCE = "TRUNCATE error_events, error_analysis"
_ANALYSE = (
    """
INSERT INTO error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,
                            prompt_version)
SELECT DISTINCT ON (group_id) id, group_id, repeat('Likely cause: a time-out. ', 20), 'gpt', 0.7,
       '{"root_cause": "a time-out"}', %s
FROM error_events ORDER BY group_id, id
""",
    "UPDATE jobs SET state = 'done', finished_at = now()",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequests:
    """`batch` 0: an event a request. Without `events` a request has no body."""

    path: str
    events: Events | None
    batch: int = 0
    key: str = ""

    def __call__(self, number: int) -> bytes:
        body = b""
        if self.events is not None:
            body = self.events.batch(number, self.batch) if self.batch else self.events.body(number)
        key = f"authorization: Bearer {self.key}\r\n" if self.key else ""
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{key}"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """`key` is good for every project of `keyed`, which asks for one and counts quotas."""

    folder: Path
    postgres: PostgresServer
    valkey: ValkeyServer
    ours_url: str
    guide_url: str
    ours: HttpServer
    keyed: HttpServer
    key: str
    guide: HttpServer
    floors: HttpServer
    sender: ProcessPoolExecutor
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def empty(self) -> None:
        """No event, group, job or message is left, on either side."""
        for url, statement in ((self.ours_url, _EMPTY_OURS), (self.guide_url, _EMPTY_REFERENCE)):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(statement)
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()

    def analyse(self) -> None:
        """Every group that there is has its analysis now."""
        insert, done = _ANALYSE
        with psycopg.connect(self.ours_url, autocommit=True) as connection:
            connection.execute(insert, (ANALYSIS_VERSION,))
            connection.execute(done)

    def stored(self) -> int:
        """Events, on both sides together."""
        return sum(_count(url) for url in (self.ours_url, self.guide_url))

    def send(self, port: int, requests: HttpRequests, *, connections: int, seconds: float) -> Sent:
        """From the sender's process, with events that were never sent before. RuntimeError where an answer
        was no 202."""
        load = Load(
            port=port,
            requests=requests,
            connections=connections,
            seconds=seconds,
            first=next(self._numbers) * _REQUESTS_A_LOAD // max(requests.batch, 1),
            read=http_status,
        )
        sent = self.sender.submit(send, load).result()
        if set(sent.statuses) != {202}:
            raise RuntimeError(f"{requests.path} was answered with {sent.statuses}")
        return sent


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    with ExitStack() as servers:
        postgres = servers.enter_context(PostgresServer(folder / "postgres"))
        valkey = servers.enter_context(ValkeyServer(folder / "valkey"))
        migrate(postgres.url)
        guide_url = postgres.create_database("guide")
        both = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}

        def serve(name: str, words: tuple[str, ...], **settings: str) -> HttpServer:
            return servers.enter_context(http_server(name, words, folder=folder, **settings))

        yield Stage(
            folder=folder,
            postgres=postgres,
            valkey=valkey,
            ours_url=postgres.url,
            guide_url=guide_url,
            key=key_to(postgres.url, project_keys()),
            ours=serve("ours", OURS, **both, AUTH="off"),
            keyed=serve(
                "keyed",
                OURS,
                **both,
                AUTH="required",
                INGEST_RATE_PROJECT=NO_END,
                INGEST_RATE_KEY=NO_END,
            ),
            guide=serve("guide", REFERENCE, DATABASE_URL=guide_url, REDIS_URL=other_database(valkey.url)),
            floors=serve("floors", _FLOORS),
            sender=servers.enter_context(sender_process()),
        )


def other_database(redis_url: str) -> str:
    """Of the same Redis: both sides' queues have the same name."""
    return redis_url.removesuffix("/0") + "/1"


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM error_events").fetchone()
    return int(row[0]) if row else 0


def key_to(url: str, projects: list[str]) -> str:
    """Makes the projects, and a key for ingest into all of them."""
    key = new_key()
    with psycopg.connect(url, autocommit=True) as connection:
        for project in projects:
            connection.execute("INSERT INTO projects (id, key) VALUES (%s, %s)", (uuid4(), project))
        connection.execute(
            "INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'ingest')", (uuid4(), hash_key(key))
        )
    return key
