"""The embedded servers: they keep data, outlive being killed, and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg
import pytest
import redis

from infra.local.errors import LocalError
from infra.local.postgres import PostgresServer
from infra.local.process import free_port, port_is_taken
from infra.local.valkey import ValkeyServer
from tests.integration.local.running import ROOT, alive, wait_until


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    # A space, and longer than the path of a unix socket may be.
    folder = tmp_path / "a checkout" / ("x" * 90) / ".local"
    folder.mkdir(parents=True)
    with PostgresServer(folder / "postgres", durable=False) as server:
        yield server


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path / "a checkout" / "valkey") as server:
        yield server


def execute(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def test_postgres_keeps_data_and_port_over_a_restart_and_a_kill(postgres: PostgresServer) -> None:
    execute(postgres.url, "CREATE TABLE kept AS SELECT 1 AS n")
    url = postgres.url
    postgres.stop()
    assert port_is_taken(postgres.port or 0) is False
    postgres.start()
    assert (postgres.url, execute(url, "SELECT n FROM kept")) == (url, [(1,)])

    with psycopg.connect(url):
        os.kill(postgres.pid, signal.SIGKILL)
        wait_until(lambda: not postgres.is_alive())
    postgres.start()
    assert execute(url, "SELECT n FROM kept") == [(1,)]


def test_a_stale_pid_file_with_the_pid_of_another_process_is_no_obstacle(postgres: PostgresServer) -> None:
    postgres.stop()
    (postgres.data_dir / "postmaster.pid").write_text(
        f"{os.getpid()}\n{postgres.data_dir}\n1\n5432\n\n\n\n\n"
    )
    postgres.start()
    assert execute(postgres.url, "SELECT 1") == [(1,)]


def test_the_role_owns_its_databases_and_is_no_superuser(postgres: PostgresServer) -> None:
    other = postgres.create_database('a "quoted" name').replace(" ", "%20").replace('"', "%22")
    execute(other, "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid())")
    assert execute(postgres.url, "SELECT to_regclass('t') IS NULL") == [(True,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(other, "COPY t TO PROGRAM 'true'")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        execute(postgres.url.replace("rootnote@", "postgres@"), "SELECT 1")


def test_postgres_data_in_use_is_a_clear_error(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.server.BUSY_SECONDS", 0.1)
    with pytest.raises(LocalError, match=rf"in use by another server \(pid {postgres.pid}\)"):
        PostgresServer(postgres.data_dir).start()
    assert execute(postgres.url, "SELECT 1") == [(1,)]


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis.txt").write_text("keep me")
    with pytest.raises(LocalError, match="not empty and holds no PostgreSQL"):
        PostgresServer(tmp_path / "postgres").start()
    assert (tmp_path / "postgres" / "thesis.txt").read_text() == "keep me"


def test_postgres_never_runs_as_root(postgres: PostgresServer) -> None:
    assert psutil.Process(postgres.pid).uids().real != 0 or os.geteuid() != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that PostgreSQL's user may not enter")
def test_root_may_keep_the_data_in_a_closed_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "checkout").mkdir(parents=True)
    home.chmod(0o700)
    for _ in range(2):
        with PostgresServer(home / "checkout" / "postgres", durable=False) as server:
            assert execute(server.url, "SELECT current_user::text") == [("rootnote",)]
            assert psutil.Process(server.pid).uids().real != 0


def test_valkey_keeps_data_over_a_restart_and_starts_after_a_kill(valkey: ValkeyServer) -> None:
    url = valkey.url
    with redis.Redis.from_url(url) as client:
        client.set("kept", "1")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    valkey.stop()
    valkey.start()
    with redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"1"
        assert valkey.url == url
    os.kill(valkey.pid, signal.SIGKILL)
    wait_until(lambda: not valkey.is_alive())
    valkey.start()
    with redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"1"


def test_a_taken_port_is_a_clear_error(valkey: ValkeyServer, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"port \d+ is taken"):
        ValkeyServer(tmp_path / "other", port=valkey.port).start()


@pytest.mark.parametrize("how", [signal.SIGKILL, None])
def test_servers_die_with_their_parent(tmp_path: Path, how: int | None) -> None:
    script = """
import sys, threading
from pathlib import Path
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
folder = Path(sys.argv[1])
servers = [PostgresServer(folder / "postgres", durable=False), ValkeyServer(folder / "valkey")]
for server in servers:
    # In threads that end at once: the servers belong to the process.
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
print(*(server.pid for server in servers), *(server.port for server in servers), flush=True)
sys.stdin.read()
"""
    argv = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        *pids, first, second = (int(word) for word in parent.stdout.readline().split())
        time.sleep(0.2)
        assert all(runs(pid) for pid in pids)
        if how is None:
            parent.stdin.close()
        else:
            parent.send_signal(how)
        parent.wait(10)
    wait_until(lambda: not any(runs(pid) for pid in pids), seconds=10)
    assert not port_is_taken(first)
    assert not port_is_taken(second)


def test_a_free_port_is_free() -> None:
    assert not port_is_taken(free_port())


def runs(pid: int) -> bool:
    try:
        return alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False
