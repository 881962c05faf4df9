"""One project floods at ten times its quota while another sends politely: who notices, and what does it cost?

One API process, its PostgreSQL and Valkey, and the senders, which have processes of their own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

import httpx2
import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg
import redis

from core.domain.access import hash_key, new_key
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from infra.simulation.table import markdown
from tests.conftest import migrate
from tests.e2e.program import wait_until
from tests.e2e.stack import Stack
from tests.load.result import Result
from tests.load.sending import EVENTS, Sender, Sent, event, send

RATE, BURST_SECONDS = 20, 10
TIMES = 10
CONNECTIONS = 16
_POLITE_RATE = 8.0
_BEFORE_SECONDS = 8.0
_EACH = 300
_LARGE_RATE = 60_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """`commands`: of Redis during the flood. CPU in milliseconds of the API process a request."""

    before: Sent
    polite: Sent
    noisy: Sent
    commands: dict[str, int]
    accepted_cpu: float
    refused_unread_cpu: float
    refused_read_cpu: float


def run(arguments: list[str]) -> Result:
    parser = argparse.ArgumentParser(prog="python -m tests.load flood", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of the flood")
    seconds: float = parser.parse_args(arguments).seconds
    found = measure(seconds)
    allowed = RATE * (found.noisy.seconds + BURST_SECONDS)
    return Result(
        title=f"Flood: {TIMES} times the quota of {RATE} a second for {seconds:g} s",
        table=_table(found, allowed),
        faults=tuple(_faults(found, allowed)),
    )


def _faults(found: Found, allowed: float) -> list[str]:
    broken = {
        "more events were accepted than the quota lets in": found.noisy.accepted > allowed,
        "less than nine tenths of the quota was let in": found.noisy.accepted
        < 0.9 * RATE * found.noisy.seconds,
        "the flood was not refused": found.noisy.refused == 0,
        "the polite project was refused": found.polite.refused > 0,
        "requests were answered with neither 202 nor 429": found.noisy.others + found.polite.others > 0,
    }
    return [name for name, is_broken in broken.items() if is_broken]


def _table(found: Found, allowed: float) -> str:
    noisy, polite, before = found.noisy, found.polite, found.before
    accepted = noisy.accepted + polite.accepted
    scripts = found.commands.get("evalsha", 0)
    rows = [
        ("flooding project: events sent", f"{noisy.sent:,}, {noisy.sent / noisy.seconds:.0f} a second"),
        ("accepted / most that the quota lets in", f"{noisy.accepted:,} / {allowed:,.0f}"),
        ("polite project: events sent / refused", f"{polite.sent:,} / {polite.refused}"),
        ("its answers before the flood, p50 / p99", f"{before.p50:.1f} / {before.p99:.1f} ms"),
        ("its answers during the flood, p50 / p99", f"{polite.p50:.1f} / {polite.p99:.1f} ms"),
        ("round trips to Redis for quotas an accepted event", f"{scripts / accepted:.2f}"),
        ("an event sent", f"{scripts / (noisy.sent + polite.sent):.3f}"),
        ("API's CPU: a request that is accepted", f"{found.accepted_cpu:.2f} ms"),
        ("refused before its body is read", f"{found.refused_unread_cpu:.2f} ms"),
        ("refused after", f"{found.refused_read_cpu:.2f} ms"),
    ]
    return markdown(("", "measured"), rows)


def measure(seconds: float) -> Found:
    with tempfile.TemporaryDirectory(prefix="rootnote-flood-") as name:
        folder = Path(name)
        with (
            PostgresServer(folder / "postgres", durable=False) as postgres,
            ValkeyServer(folder / "valkey") as valkey,
        ):
            migrate(postgres.url)
            stack = Stack(
                folder,
                database_url=postgres.url,
                redis_url=valkey.url,
                AUTH="required",
                INGEST_RATE_PROJECT=f"{RATE}/second",
                INGEST_RATE_KEY="",
                INGEST_BURST_SECONDS=str(BURST_SECONDS),
                # No larger than the burst, which otherwise would be one batch and a second.
                MAX_BATCH_EVENTS="100",
            )
            stack.launch("api")
            try:
                return _measure(stack, seconds)
            finally:
                stack.__exit__()


def _measure(stack: Stack, seconds: float) -> Found:
    wait_until(lambda: _is_up(stack), 45, "the API answers")
    noisy, polite = _project(stack, "noisy"), _project(stack, "polite")
    open_to_all = _key(stack, None)
    busy = _project(stack, "busy", rate=_LARGE_RATE)
    politely = Sender(url=stack.url, key=polite, project="polite", rate=_POLITE_RATE, connections=1)
    flooding = Sender(
        url=stack.url, key=noisy, project="noisy", rate=float(RATE * TIMES), connections=CONNECTIONS
    )
    sys.stderr.write("before the flood\n")
    accepted_cpu = _cpu_a_request(stack, busy, "busy", 202)
    with redis.Redis.from_url(stack.redis_url) as client, _processes() as processes:
        before = processes.submit(send, politely, _BEFORE_SECONDS).result()
        client.config_resetstat()
        sys.stderr.write("flood\n")
        flood = processes.submit(send, flooding, seconds)
        during = processes.submit(send, politely, seconds).result()
        stats: dict[str, dict[str, int]] = client.info("commandstats")
        flooded = flood.result()
    return Found(
        before=before,
        polite=during,
        noisy=flooded,
        commands={name.removeprefix("cmdstat_"): int(one["calls"]) for name, one in stats.items()},
        accepted_cpu=accepted_cpu,
        refused_unread_cpu=_cpu_a_request(stack, noisy, "noisy", 429),
        refused_read_cpu=_cpu_a_request(stack, open_to_all, "noisy", 429),
    )


def _processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn"))


def _is_up(stack: Stack) -> bool:
    try:
        return stack.http.get("/healthz").status_code == 200
    except httpx2.HTTPError:
        return False


def _project(stack: Stack, name: str, *, rate: int | None = None) -> str:
    """Makes it, and gives a key of its own."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO projects (id, key, ingest_rate) VALUES (%s, %s, %s)", (uuid4(), name, rate)
        )
    return _key(stack, name)


def _key(stack: Stack, project: str | None) -> str:
    key = new_key()
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO api_keys (id, hash, scope, project_id)"
            " VALUES (%s, %s, 'ingest', (SELECT id FROM projects WHERE key = %s))",
            (uuid4(), hash_key(key), project),
        )
    return key


def _cpu_a_request(stack: Stack, key: str, project: str, status: int) -> float:
    """Milliseconds of the API's CPU, over those requests that were answered so."""
    process = psutil.Process(stack.programs["api"].pid)
    headers = {"Authorization": f"Bearer {key}"}
    spent, counted = 0.0, 0
    for _ in range(20 * _EACH):
        before = sum(process.cpu_times()[:2])
        answer = stack.http.post(EVENTS, json=event(project), headers=headers)
        if answer.status_code == status:
            spent, counted = spent + sum(process.cpu_times()[:2]) - before, counted + 1
        if counted == _EACH:
            break
    return spent / max(counted, 1) * 1_000
