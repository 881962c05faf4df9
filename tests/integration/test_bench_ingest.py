"""What the benchmark of ingest stands on: the guide as written, and floors, on real servers."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import redis

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.load import floors
from tests.load.http_server import http_server
from tests.load.ingest_stage import REFERENCE, HttpRequests, other_database
from tests.load.made_events import Texts, made_events
from tests.load.raw_sender import Load, Sent, http_status, redis_status, send

SECONDS = 0.1


def sent(port: int, path: str, *, batch: int = 0, first: int = 0) -> Sent:
    requests = HttpRequests(path=path, events=made_events(Texts.MIX), batch=batch)
    load = Load(port=port, requests=requests, connections=2, seconds=SECONDS, first=first, read=http_status)
    return send(load)


def test_the_guide_stores_and_queues_every_event(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path: Path
) -> None:
    database_url, redis_url = postgres.create_database("guide"), other_database(valkey.url)
    with http_server(
        "guide", REFERENCE, folder=tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url
    ) as guide:
        single = sent(guide.port, "/api/v1/events")
        loop = sent(guide.port, "/api/v1/events/batch", batch=3, first=10_000)
        one_commit = sent(guide.port, "/api/v1/events/batch-in-one-commit", batch=3, first=20_000)
    for one in (single, loop, one_commit):
        assert set(one.statuses) == {202}
    events = single.answers + 3 * (loop.answers + one_commit.answers)
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
        stored = connection.execute("SELECT count(*), count(DISTINCT payload) FROM error_events").fetchone()
        assert stored == (events, events)
        assert client.llen("ai_analysis") == events
        client.flushdb()


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
