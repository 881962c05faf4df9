"""What the two servers do by themselves with one row and one message at a time, from 32 connections."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from core.domain.job import JobKind
from core.queue.message import task_message
from core.queue.names import Outgoing
from infra.local.binaries import postgres_install

_TABLE = """
CREATE TABLE IF NOT EXISTS floor_events (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), payload jsonb NOT NULL, received_at timestamptz DEFAULT now()
)
"""
_INSERT = """\\set n random(1, 100000000)
INSERT INTO floor_events (payload)
VALUES (jsonb_build_object('n', :n::integer, 'stack', repeat('0123456789abcdef', 90)));
"""
"""A row of an event's size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inserted:
    """`a_second`: without the time to connect."""

    rows: int
    a_second: float


def pgbench() -> str | None:
    """The program, where PostgreSQL was installed with it."""
    program = postgres_install(None).program("pgbench")
    return program if Path(program).exists() else None


def prepare_inserts(url: str, folder: Path) -> Path:
    """An empty table, and the script for `insert`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TABLE)
        connection.execute("TRUNCATE floor_events")
    script = folder / "insert.sql"
    script.write_text(_INSERT)
    return script


def insert(program: str, url: str, script: Path, *, connections: int, seconds: int) -> Inserted:
    """Each row in a transaction of its own, its statement prepared. Raises RuntimeError where that fails."""
    options = ["--no-vacuum", "--protocol=prepared", f"--client={connections}", f"--time={seconds}"]
    done = subprocess.run(
        [program, *options, f"--file={script}", url],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"pgbench failed: {done.stderr}")
    return Inserted(
        rows=int(_figure("number of transactions actually processed: ", done.stdout)),
        a_second=_figure("tps = ", done.stdout),
    )


def _figure(name: str, text: str) -> float:
    found = re.search(rf"^{name}([\d.]+)", text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"pgbench does not say {name!r}: {text}")
    return float(found[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushes:
    """An LPUSH as Redis reads it, with a message as ingest sends it."""

    command: bytes

    def __call__(self, _: int) -> bytes:
        return self.command


def pushes(queue: str) -> Pushes:
    id_ = UUID(int=7)
    message = task_message(Outgoing(job_id=id_, kind=JobKind.ANALYSE_GROUP, subject_id=id_))
    words = (b"LPUSH", queue.encode(), message)
    command = b"*3\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return Pushes(command=command)
