"""schemathesis over the running API: each operation of the OpenAPI document, as each kind of caller."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from core.domain.access import Scope, new_key
from core.domain.ids import new_id
from tests.api_process import ApiProcess
from tests.conftest import ROOT
from tests.fuzz import schema_checks

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_KEYS = "/api/v1/keys/{key_id}"
_QUICK = "examples,fuzzing"
_THOROUGH = "examples,coverage,fuzzing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who asks, and how thoroughly. `key` None: nobody."""

    name: str
    key: str | None
    phases: str = _QUICK
    selection: tuple[str, ...] = ()
    """Options that leave out what would end the caller itself: its key, or its project."""


def make_callers(database_url: str) -> list[Caller]:
    """Keys of every scope for all projects, one of one project, one that is unknown, and none."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        project = new_id()
        connection.execute("INSERT INTO projects (id, key) VALUES (%s, %s)", (project, f"fuzzed-{project}"))

        def made(scope: Scope, project_id: object = None) -> str:
            key = new_key()
            connection.execute(
                "INSERT INTO api_keys (id, hash, scope, project_id)"
                " VALUES (%s, encode(sha256(%s::bytea), 'hex'), %s, %s)",
                (new_id(), key.encode(), scope, project_id),
            )
            return key

        no_revoking = ("--exclude-path", _KEYS)
        return [
            Caller(name="admin", key=made(Scope.ADMIN), phases=_THOROUGH, selection=no_revoking),
            Caller(name="revoking", key=made(Scope.ADMIN), selection=("--include-path", _KEYS)),
            Caller(name="write", key=made(Scope.WRITE)),
            Caller(name="read", key=made(Scope.READ)),
            Caller(name="ingest", key=made(Scope.INGEST)),
            Caller(name="project", key=made(Scope.ADMIN, project), selection=("--exclude-method", "DELETE")),
            Caller(name="stranger", key=new_key()),
            Caller(name="nobody", key=None),
        ]


def fuzz(
    api: ApiProcess,
    caller: Caller,
    folder: Path,
    *,
    seed: int,
    examples: int,
    seconds: int | None = None,
    is_open: bool = False,
) -> subprocess.CompletedProcess[str]:
    """What schemathesis found, in words; its exit code is 0 where that is nothing.

    With `seconds` it goes on until they are spent. `is_open`: with AUTH=off.
    """
    options = [
        f"--phases={caller.phases}",
        f"--max-examples={examples}",
        f"--seed={seed}",
        "--continue-on-failure",
        "--no-color",
        "--suppress-health-check=all",
        # Without worker and beat it is 503 by right; it has tests of its own.
        "--exclude-path=/readyz",
        *caller.selection,
        *_header(caller.key),
        *([] if seconds is None else [f"--max-time={seconds}"]),
        *(["--exclude-checks=ignored_auth"] if is_open else []),
    ]
    return _schemathesis(api, options, folder)


def _header(key: str | None) -> Sequence[str]:
    return [] if key is None else ["--header", f"Authorization: Bearer {key}"]


def _schemathesis(api: ApiProcess, options: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["--config-file", str(_CONFIG), "run", f"{api.url}/openapi.json", *options]
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *command],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": schema_checks.__name__,
            schema_checks.API_PID: str(api.program.pid),
        },
        capture_output=True,
        text=True,
        check=False,
    )
