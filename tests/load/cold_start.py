"""Cold starts of the API function, beside a bare handler of FastAPI, Mangum and Powertools.

Both bundles are built, pruned and compiled alike, and run under Lambda's own runtime client and the emulator
of its API. Each start has a new process; bundles are in the disk's cache.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from core.domain.access import hash_key, new_key
from infra.bundle.recipe import BUNDLES
from infra.bundle.target import native
from infra.lambda_runtime import parts
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.aws.runtime import gateway
from tests.conftest import migrate
from tests.load.cold_bundles import bundles
from tests.load.cold_tables import import_tables, start_table
from tests.load.lambda_start import Case, start_once
from tests.load.result import Result
from tests.load.rounds import in_turns
from tests.load.sending import EVENTS, event

_PROJECT = "shop"
_ROUNDS, _QUICK_ROUNDS = 13, 2
_WARM_INVOCATIONS = 21
_OURS, _BARE = "Rootnote", "bare"
_REQUESTS = (("POST", EVENTS), ("GET", EVENTS), ("GET", "/healthz"))
_HOW = """\
The API function from its built bundle, beside a bare one of FastAPI, Mangum and Powertools with one route,
built and precompiled alike: both under Lambda's own runtime client and the emulator of its API. The bare one
stores nothing. Ours opens connections to PostgreSQL and Valkey in its first request, which stores the event
and sends its job. Reads, and `/healthz` as the least of them, load FastAPI and their own noun's routes when
the first of them comes; the bare one, beside both, says no more than that it is there.

*Start* is from the process to the loaded handler, as the emulator reports it. An emulator is no Lambda: this
is not Amazon Linux, nor a Lambda's share of a processor, and bundles come from the disk's cache. Read the
ratios, which are of starts that followed each other; the one of CPU, of the function's process, is steadiest.
"""


def run(arguments: list[str]) -> Result:
    """About three minutes."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench cold_start", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK_ROUNDS} rounds")
    rounds = _QUICK_ROUNDS if parser.parse_args(arguments).quick else _ROUNDS
    target, missing = native(), parts.missing_part()
    if target is None or missing:
        return Result(title="Cold start", table=f"Not measured: {missing or 'no bundle runs here'}.\n")
    BUNDLES.mkdir(exist_ok=True)
    # Beside the bundles, so that copies are links.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUNDLES) as name:
        folder = Path(name)
        ours, bare = bundles(target, folder)
        with _servers(folder) as environment:
            key = _key(environment["DATABASE_URL"])
            tables = [
                _measured(
                    f"{method} {path}", _cases(method, path, ours, bare, environment, key), folder, rounds
                )
                for method, path in _REQUESTS
            ]
        imports = import_tables(parts.interpreter(folder), ours, bare, environment, runs=min(rounds, 5))
    return Result(title="Cold start", table="\n".join([_HOW, *tables, imports]))


def _measured(title: str, cases: Mapping[str, Case], folder: Path, rounds: int) -> str:
    starts = in_turns(
        {
            f"{title}, {name}": partial(start_once, case, folder, warm_invocations=_WARM_INVOCATIONS)
            for name, case in cases.items()
        },
        rounds,
    )
    ours, bare = starts.values()
    return start_table(title, ours, bare)


def _cases(
    method: str, path: str, ours: Path, bare: Path, environment: Mapping[str, str], key: str
) -> dict[str, Case]:
    body = json.dumps(event(_PROJECT)).encode() if method == "POST" else None
    sent = gateway.request(method, path, key=key, body=body)
    handler, status, beside = (
        ("bare_event", 202, sent) if method == "POST" else ("bare_health", 200, _bare_read(key))
    )
    return {
        _OURS: Case(
            bundle=ours, handler="handlers.api.handler", environment=environment, event=sent, status=status
        ),
        _BARE: Case(bundle=bare, handler=f"{handler}.handler", environment={}, event=beside, status=status),
    }


def _bare_read(key: str) -> dict[str, Any]:
    return gateway.request("GET", "/healthz", key=key)


@contextmanager
def _servers(folder: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkey, and what a deployment tells the API of them."""
    with PostgresServer(folder / "postgres") as postgres, ValkeyServer(folder / "valkey") as valkey:
        migrate(postgres.url)
        yield {
            "AUTH": "required",
            "DATABASE_POOL_SIZE": "1",
            "DATABASE_URL": postgres.url,
            "LOG_LEVEL": "INFO",
            "REDIS_URL": valkey.url,
        }


def _key(database_url: str) -> str:
    """A new one that may send events of the project."""
    key = new_key()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'admin')", (uuid4(), hash_key(key))
        )
        connection.execute("INSERT INTO projects (id, key) VALUES (%s, %s)", (uuid4(), _PROJECT))
    return key
