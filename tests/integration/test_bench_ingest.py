"""What the benchmark of ingest stands on: the guide as written, and floors, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
import redis

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrate
from tests.load import floors
from tests.load.http_server import http_server
from tests.load.ingest_rows import Pace, Subject, measure
from tests.load.ingest_stage import OURS, REFERENCE, HttpRequests, Stage, other_database
from tests.load.made_events import Texts, made_events
from tests.load.raw_sender import Load, redis_status, send, sender_process

SECONDS = 0.1
PACE = Pace(rounds=1, seconds=SECONDS, beside=SECONDS)
ONE = HttpRequests(path="/api/v1/events", events=made_events(Texts.MIX))
BATCH = HttpRequests(path="/api/v1/events/batch", events=made_events(Texts.MIX), batch=3)
ONE_COMMIT = replace(BATCH, path="/api/v1/events/batch-in-one-commit")


@pytest.fixture(scope="module")
def servers(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Without floors and keys."""
    folder = tmp_path_factory.mktemp("bench")
    ours_url, guide_url = postgres.create_database("bench_ours"), postgres.create_database("bench_guide")
    migrate(ours_url)
    urls = {"DATABASE_URL": ours_url, "REDIS_URL": valkey.url, "AUTH": "off"}
    guides = {"DATABASE_URL": guide_url, "REDIS_URL": other_database(valkey.url)}
    with (
        http_server("ours", OURS, folder=folder, **urls) as ours,
        http_server("guide", REFERENCE, folder=folder, **guides) as guide,
        sender_process() as sender,
    ):
        yield Stage(
            folder=folder,
            postgres=postgres,
            valkey=valkey,
            ours_url=ours_url,
            guide_url=guide_url,
            ours=ours,
            keyed=ours,
            key="",
            guide=guide,
            floors=ours,
            sender=sender,
        )


def rows(url: str, query: LiteralString) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("requests", [ONE, BATCH, ONE_COMMIT], ids=["one", "loop", "one commit"])
def test_the_guide_stores_and_queues_every_event(servers: Stage, requests: HttpRequests) -> None:
    found = measure(
        servers, Subject(server=servers.guide, requests=requests, connections=2), PACE, seconds=SECONDS
    )
    assert found.events_a_second > 0
    assert found.postgres is not None
    stored = rows(servers.guide_url, "SELECT count(DISTINCT payload) FROM error_events")
    assert stored == servers.stored()
    with redis.Redis.from_url(other_database(servers.valkey.url)) as client:
        assert client.llen("ai_analysis") == stored


def test_ours_is_measured_on_groups_that_are_analysed(servers: Stage) -> None:
    subject = Subject(server=servers.ours, requests=BATCH, connections=2, is_analysed=True)
    found = measure(servers, subject, PACE, seconds=SECONDS)
    assert found.p50 is not None
    assert found.p50 > 0
    reused = rows(servers.ours_url, "SELECT count(*) FROM error_analysis WHERE reused_from IS NOT NULL")
    assert reused > 0


def test_what_was_accepted_has_to_be_stored(servers: Stage, database_url: str) -> None:
    elsewhere = replace(servers, ours_url=database_url)
    subject = Subject(server=servers.ours, requests=ONE, connections=2)
    with pytest.raises(RuntimeError, match="were accepted, and 0 are stored"):
        measure(elsewhere, subject, PACE, seconds=SECONDS)


def test_every_answer_has_to_be_good(servers: Stage) -> None:
    subject = Subject(server=servers.ours, requests=replace(ONE, path="/nowhere"), connections=2)
    with pytest.raises(RuntimeError, match=r"/nowhere was answered with \{404"):
        measure(servers, subject, PACE, seconds=SECONDS)


def test_a_key_goes_with_each_request() -> None:
    request = HttpRequests(path="/x", events=None, key="a-key")(0)
    assert request.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"\r\nauthorization: Bearer a-key\r\n" in request
    assert request.endswith(b"\r\ncontent-length: 0\r\n\r\n")


def test_pgbench_inserts_rows(postgres: PostgresServer, tmp_path: Path) -> None:
    program = floors.pgbench()
    if program is None:
        pytest.skip("this PostgreSQL came without pgbench")
    url = postgres.create_database("floor")
    script = floors.prepare_inserts(url, tmp_path)
    inserted = floors.insert(program, url, script, connections=2, seconds=1)
    assert inserted.a_second > 0
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM floor_events").fetchone() == (inserted.rows,)


def test_a_script_that_fails_is_an_error(postgres: PostgresServer, tmp_path: Path) -> None:
    program = floors.pgbench()
    if program is None:
        pytest.skip("this PostgreSQL came without pgbench")
    script = tmp_path / "wrong.sql"
    script.write_text("SELECT nothing;\n")
    with pytest.raises(RuntimeError, match="nothing"):
        floors.insert(program, postgres.url, script, connections=1, seconds=1)


def test_messages_are_pushed(valkey: ValkeyServer, redis_url: str) -> None:
    assert valkey.port is not None
    load = Load(
        port=valkey.port, requests=floors.pushes("floor"), connections=2, seconds=SECONDS, read=redis_status
    )
    pushed = send(load)
    assert set(pushed.statuses) == {200}
    with redis.Redis.from_url(redis_url) as client:
        assert client.llen("floor") == pushed.answers
        client.flushdb()
