"""How often ingest waits for PostgreSQL and for Redis, counted on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.faults.proxy import Proxy
from tests.load.http_server import HttpServer, http_server
from tests.load.ingest_rows import BATCH, BATCH_CONNECTIONS, BATCH_SIZE, CONNECTIONS, SINGLE
from tests.load.ingest_stage import OURS as SERVE
from tests.load.ingest_stage import REFERENCE, HttpRequests, Stage, other_database
from tests.load.ingest_table import GUIDE, OURS, Turns
from tests.load.made_events import Texts, made_events

_LATENCY = 0.002
"""Seconds by which both are away: in these whoever does not wait for an answer has said the rest."""

_WARMING = 8
"""Connections at least, so that each of the errors comes once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wires:
    ours: HttpServer
    guide: HttpServer
    postgres: Proxy
    valkey: Proxy


def count_turns(stage: Stage, *, seconds: float) -> dict[str, Turns]:
    """By the name of the row."""
    mix, new = made_events(Texts.MIX), made_events(Texts.NEW)
    single, single_new = HttpRequests(path=SINGLE, events=mix), HttpRequests(path=SINGLE, events=new)
    batch = HttpRequests(path=BATCH, events=mix, batch=BATCH_SIZE)
    with _wires(stage) as wires:
        rows = {
            f"{OURS}, one connection": (wires.ours, single, 1),
            f"{OURS}, one connection, every error new": (wires.ours, single_new, 1),
            f"{OURS}, {CONNECTIONS} connections": (wires.ours, single, CONNECTIONS),
            f"{OURS}, batches": (wires.ours, batch, BATCH_CONNECTIONS),
            f"{GUIDE}, one connection": (wires.guide, single, 1),
            f"{GUIDE}, batches": (wires.guide, batch, BATCH_CONNECTIONS),
        }
        return {
            name: _count(stage, wires, server, requests, connections=connections, seconds=seconds)
            for name, (server, requests, connections) in rows.items()
        }


def _count(
    stage: Stage,
    wires: _Wires,
    server: HttpServer,
    requests: HttpRequests,
    *,
    connections: int,
    seconds: float,
) -> Turns:
    stage.empty()
    # Connections are opened, statements prepared, and the groups there that come again and again.
    stage.send(server.port, requests, connections=max(connections, _WARMING), seconds=seconds)
    postgres, valkey = wires.postgres.turns, wires.valkey.turns
    sent = stage.send(server.port, requests, connections=connections, seconds=seconds)
    events = sent.answers * (requests.batch or 1)
    return Turns(
        postgres=(wires.postgres.turns - postgres) / events, valkey=(wires.valkey.turns - valkey) / events
    )


@contextmanager
def _wires(stage: Stage) -> Iterator[_Wires]:
    """Both sides' servers once more, with a proxy before each of theirs."""
    assert stage.postgres.port is not None
    assert stage.valkey.port is not None
    with ExitStack() as opened:
        postgres, valkey = (
            opened.enter_context(Proxy(port)) for port in (stage.postgres.port, stage.valkey.port)
        )
        postgres.latency = valkey.latency = _LATENCY
        redis_url = valkey.routed(stage.valkey.url)
        ours = http_server(
            "ours-counted",
            SERVE,
            folder=stage.folder,
            DATABASE_URL=postgres.routed(stage.ours_url),
            REDIS_URL=redis_url,
            AUTH="off",
        )
        guide = http_server(
            "guide-counted",
            REFERENCE,
            folder=stage.folder,
            DATABASE_URL=postgres.routed(stage.guide_url),
            REDIS_URL=other_database(redis_url),
        )
        yield _Wires(
            ours=opened.enter_context(ours),
            guide=opened.enter_context(guide),
            postgres=postgres,
            valkey=valkey,
        )
