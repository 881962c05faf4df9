"""What is compared in ingest: a row of the tables for each, and how one round of it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.queue.names import AI_ANALYSIS
from tests.load import floor_app, floors
from tests.load.http_server import HttpServer
from tests.load.ingest_stage import HttpRequests, Stage
from tests.load.ingest_table import ALONE, BATCHES, GUIDE, OURS, PUSHES, SINGLES, Measured, row_name
from tests.load.made_events import Texts, made_events
from tests.load.process_tree import cpu_seconds
from tests.load.raw_sender import Load, redis_status, send

SINGLE, BATCH = "/api/v1/events", "/api/v1/events/batch"
CONNECTIONS = 32
"""With more than it has threads the guide's code would wait for itself."""
BATCH_CONNECTIONS = 8
BATCH_SIZE = 100
_MAIN = {row_name(table, name) for table in (SINGLES, BATCHES) for name in (OURS, GUIDE)}
"""What the ratios of the targets are of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """`seconds` of a round of what the targets are about, `beside` of all else."""

    rounds: int
    seconds: float
    beside: float

    @property
    def warm_up(self) -> float:
        return self.beside / 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """`stores`: its events are in a database afterwards. `is_analysed`: their groups have an analysis."""

    server: HttpServer
    requests: HttpRequests
    connections: int = CONNECTIONS
    is_analysed: bool = False
    stores: bool = True


def rows(stage: Stage, pace: Pace) -> dict[str, Callable[[], Measured]]:
    """One round of each, by the row's name, in the order of the tables."""
    of_servers = {
        name: partial(measure, stage, subject, pace, pace.seconds if name in _MAIN else pace.beside)
        for name, subject in _subjects(stage).items()
    }
    program = floors.pgbench()
    inserts = partial(_measure_inserts, stage, program, pace) if program else None
    return {
        **of_servers,
        **({row_name(SINGLES, "pgbench, one INSERT a transaction"): inserts} if inserts else {}),
        row_name(SINGLES, PUSHES): partial(_measure_pushes, stage, pace),
    }


def _subjects(stage: Stage) -> dict[str, Subject]:
    ours, guide, floor = stage.ours, stage.guide, stage.floors
    mix, new = made_events(Texts.MIX), made_events(Texts.NEW)
    single, single_new = HttpRequests(path=SINGLE, events=mix), HttpRequests(path=SINGLE, events=new)
    keyed = HttpRequests(path=SINGLE, events=mix, key=stage.key)
    pydantic = HttpRequests(path=floor_app.PYDANTIC, events=mix)
    no_body = HttpRequests(path=floor_app.NO_BODY, events=None)
    batch, batch_new = (HttpRequests(path=BATCH, events=events, batch=BATCH_SIZE) for events in (mix, new))
    one_commit = HttpRequests(path=f"{BATCH}-in-one-commit", events=mix, batch=BATCH_SIZE)
    few = BATCH_CONNECTIONS
    tables = {
        SINGLES: {
            OURS: Subject(server=ours, requests=single),
            GUIDE: Subject(server=guide, requests=single),
            f"{OURS}, with a key and quotas": Subject(server=stage.keyed, requests=keyed),
            f"{OURS}, every error new": Subject(server=ours, requests=single_new),
            f"{OURS}, every error analysed before": Subject(server=ours, requests=single, is_analysed=True),
            "FastAPI and pydantic, nothing done": Subject(server=floor, requests=pydantic, stores=False),
            "FastAPI, no body, nothing done": Subject(server=floor, requests=no_body, stores=False),
        },
        ALONE: {
            OURS: Subject(server=ours, requests=single, connections=1),
            GUIDE: Subject(server=guide, requests=single, connections=1),
        },
        BATCHES: {
            OURS: Subject(server=ours, requests=batch, connections=few),
            GUIDE: Subject(server=guide, requests=batch, connections=few),
            f"{GUIDE}, one commit a batch": Subject(server=guide, requests=one_commit, connections=few),
            f"{OURS}, every error new": Subject(server=ours, requests=batch_new, connections=few),
            f"{OURS}, every error analysed before": Subject(
                server=ours, requests=batch, connections=few, is_analysed=True
            ),
        },
    }
    return {row_name(table, name): one for table, named in tables.items() for name, one in named.items()}


def measure(stage: Stage, subject: Subject, pace: Pace, seconds: float) -> Measured:
    """Raises RuntimeError where an event that was answered with 202 is not stored."""
    stage.empty()
    load = partial(stage.send, subject.server.port, subject.requests, connections=subject.connections)
    warm = load(seconds=pace.warm_up)
    if subject.is_analysed:
        stage.analyse()
    before = _used(stage, subject.server)
    sent = load(seconds=seconds)
    after = _used(stage, subject.server)
    size = subject.requests.batch or 1
    events = sent.answers * size
    accepted = events + warm.answers * size
    if subject.stores and stage.stored() != accepted:
        raise RuntimeError(f"{accepted} events were accepted, and {stage.stored()} are stored")
    server, postgres, valkey = ((now - then) * 1e6 / events for now, then in zip(after, before, strict=True))
    return Measured(
        events_a_second=events / sent.seconds,
        p50=sent.p50,
        p99=sent.p99,
        server=server,
        postgres=postgres if subject.stores else None,
        valkey=valkey if subject.stores else None,
    )


def _used(stage: Stage, server: HttpServer) -> tuple[float, float, float]:
    """Seconds of the server's CPU, of PostgreSQL's, and of Valkey's."""
    return cpu_seconds(server.pid), cpu_seconds(stage.postgres.pid), cpu_seconds(stage.valkey.pid)


def _measure_inserts(stage: Stage, program: str, pace: Pace) -> Measured:
    url = stage.ours_url
    script = floors.prepare_inserts(url, stage.folder)
    before = cpu_seconds(stage.postgres.pid)
    seconds = max(1, round(pace.beside))
    inserted = floors.insert(program, url, script, connections=CONNECTIONS, seconds=seconds)
    spent = cpu_seconds(stage.postgres.pid) - before
    return Measured(events_a_second=inserted.a_second, postgres=spent * 1e6 / inserted.rows)


def _measure_pushes(stage: Stage, pace: Pace) -> Measured:
    stage.empty()
    assert stage.valkey.port is not None
    load = Load(
        port=stage.valkey.port,
        requests=floors.pushes(AI_ANALYSIS),
        connections=CONNECTIONS,
        seconds=pace.beside,
        read=redis_status,
    )
    before = cpu_seconds(stage.valkey.pid)
    sent = stage.sender.submit(send, load).result()
    spent = cpu_seconds(stage.valkey.pid) - before
    stage.empty()
    return Measured(
        events_a_second=sent.answers / sent.seconds,
        p50=sent.p50,
        p99=sent.p99,
        valkey=spent * 1e6 / sent.answers,
    )
