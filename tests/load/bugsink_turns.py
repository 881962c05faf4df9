"""Bugsink and Rootnote take the same errors by turns: how many, at what cost, and what is done with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import psycopg

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrate
from tests.load.bugsink_programs import Bugsink, bugsink
from tests.load.envelopes import made_envelopes
from tests.load.http_server import HttpServer, http_server
from tests.load.ingest_stage import NO_END, OURS, HttpRequests, key_to
from tests.load.made_events import Texts, made_events, project_keys
from tests.load.process_tree import cpu_seconds
from tests.load.raw_sender import Load, Requests, Sent, http_status, send, sender_process
from tests.load.rounds import in_turns

CONNECTIONS = 32
PEER, ROOTNOTE = "Bugsink", "Rootnote"
_EACH = 1_000_000
"""Numbers of a load are never those of another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Seconds: of warming up, of sending, and of watching what was accepted being digested."""

    rounds: int
    warm_up: float
    sending: float
    digesting: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Rates in events a second, times in milliseconds. `cpu`: of everything, for an event that was accepted
    and digested.

    `digested`: while events came in; `digested_alone`: after that. Rootnote digests before it answers.
    """

    accepted: float
    p50: float
    p99: float
    cpu: float
    accepting_cpu: float
    digested: float
    digested_alone: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """`bytes_each`: of one event's body. `groups`: into which Bugsink sorted the errors."""

    rounds: dict[str, list[Measured]]
    bytes_each: dict[str, int]
    groups: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sender:
    process: ProcessPoolExecutor
    numbers: Iterator[int]

    def __call__(self, port: int, requests: Requests, status: int, seconds: float) -> Sent:
        """Raises RuntimeError where one was not accepted."""
        first = next(self.numbers) * _EACH
        load = Load(
            port=port,
            requests=requests,
            connections=CONNECTIONS,
            seconds=seconds,
            first=first,
            read=http_status,
        )
        sent = self.process.submit(send, load).result()
        if set(sent.statuses) != {status}:
            raise RuntimeError(f"answers by status: {sent.statuses}")
        return sent


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ours:
    """The API, and what stores for it."""

    server: HttpServer
    postgres: PostgresServer
    valkey: ValkeyServer
    key: str

    def cpu(self) -> float:
        return sum(map(cpu_seconds, (self.server.pid, self.postgres.pid, self.valkey.pid)))

    def stored(self) -> int:
        with psycopg.connect(self.postgres.url) as connection:
            row = connection.execute("SELECT count(*) FROM error_events").fetchone()
        return int(row[0]) if row else 0


def measure(folder: Path, plan: Plan) -> Found:
    events = made_events(Texts.MIX)
    with sender_process() as process, _ours(folder) as ours, bugsink(folder / "bugsink") as peer:
        sender = _Sender(process=process, numbers=count())
        envelopes = made_envelopes(*peer.dsns)
        requests = HttpRequests(path="/api/v1/events", events=events, key=ours.key)
        turns: dict[str, Callable[[], Measured]] = {
            PEER: partial(_of_bugsink, peer, partial(sender, peer.port, envelopes, 200), plan),
            ROOTNOTE: partial(_of_ours, ours, partial(sender, ours.server.port, requests, 202), plan),
        }
        return Found(
            rounds=in_turns(turns, plan.rounds),
            bytes_each={PEER: len(envelopes.body(0)), ROOTNOTE: len(events.body(0))},
            groups=peer.groups(),
        )


@contextmanager
def _ours(folder: Path) -> Iterator[_Ours]:
    with PostgresServer(folder / "postgres") as postgres, ValkeyServer(folder / "valkey") as valkey:
        migrate(postgres.url)
        key = key_to(postgres.url, project_keys())
        settings = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "AUTH": "required",
            "INGEST_RATE_PROJECT": NO_END,
            "INGEST_RATE_KEY": NO_END,
        }
        with http_server("ours", OURS, folder=folder, **settings) as server:
            yield _Ours(server=server, postgres=postgres, valkey=valkey, key=key)


def _of_ours(ours: _Ours, sending: Callable[[float], Sent], plan: Plan) -> Measured:
    sending(plan.warm_up)
    cpu, stored = ours.cpu(), ours.stored()
    sent = sending(plan.sending)
    cpu, stored = ours.cpu() - cpu, ours.stored() - stored
    if stored != sent.answers:
        raise RuntimeError(f"{sent.answers} events were accepted, and {stored} are stored")
    rate, each = sent.answers / sent.seconds, cpu / sent.answers * 1_000
    return Measured(
        accepted=rate, p50=sent.p50, p99=sent.p99, accepting_cpu=each, cpu=each, digested=rate,
        digested_alone=rate,
    )  # fmt: skip


def _of_bugsink(peer: Bugsink, sending: Callable[[float], Sent], plan: Plan) -> Measured:
    peer.go_on()
    sending(plan.warm_up)
    before = peer.used()
    sent = sending(plan.sending)
    during = peer.used()
    time.sleep(plan.digesting)
    after = peer.used()
    peer.rest()
    accepting = (during.accepting - before.accepting) / sent.answers
    digesting = (after.digesting - before.digesting) / max(1, after.digested - before.digested)
    return Measured(
        accepted=sent.answers / sent.seconds,
        p50=sent.p50,
        p99=sent.p99,
        accepting_cpu=accepting * 1_000,
        cpu=(accepting + digesting) * 1_000,
        digested=(during.digested - before.digested) / sent.seconds,
        digested_alone=(after.digested - during.digested) / plan.digesting,
    )
