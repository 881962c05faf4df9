"""Bugsink on this machine, from its own package in an environment of its own, as its single-server guide says.

Its template for one server (SQLite, its own queue with four workers), gunicorn with the settings of its own
container image; quotas are raised, what calls home is off, and there is no proxy in front.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil  # type: ignore[import-untyped, unused-ignore]

from infra.local.process import free_port
from tests.conftest import ROOT
from tests.e2e.program import Program, wait_until
from tests.load.envelopes import Dsn
from tests.load.made_events import PROJECTS
from tests.load.process_tree import cpu_seconds

BIN = ROOT / ".venv-bugsink" / "bin"
_START_SECONDS = 60
_SETTINGS = """
SECURE_PROXY_SSL_HEADER = None
USE_X_REAL_IP = False
BUGSINK["PHONEHOME"] = False
for _quota in ("PROJECT_PER_5_MINUTES", "PROJECT_PER_HOUR", "PROJECT_PER_MONTH", "5_MINUTES", "HOUR", "MONTH"):
    BUGSINK["MAX_EVENTS_PER_" + _quota] = 1_000_000_000
"""
_PROJECTS = """
import json
from projects.models import Project
made = [Project.objects.create(name=f"bench-{n}", slug=f"bench-{n}", retention_max_event_count=10**9)
        for n in range(COUNT)]
print("made:" + json.dumps([[one.pk, one.sentry_key.hex] for one in made]))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bugsink:
    """Running. `dsns`: its projects."""

    port: int
    dsns: tuple[Dsn, ...]
    folder: Path
    web: Program
    digester: Program

    def cpu(self) -> float:
        """Seconds, of all its processes so far; the database is in them."""
        return cpu_seconds(self.web.pid) + cpu_seconds(self.digester.pid)

    def digested(self) -> int:
        with closing(
            sqlite3.connect(f"file:{self.folder}/db.sqlite3?mode=ro", uri=True, timeout=30)
        ) as database:
            [found] = database.execute("SELECT count(*) FROM events_event").fetchone()
        return int(found)

    def groups(self) -> int:
        with closing(
            sqlite3.connect(f"file:{self.folder}/db.sqlite3?mode=ro", uri=True, timeout=30)
        ) as database:
            [found] = database.execute("SELECT count(*) FROM issues_issue").fetchone()
        return int(found)

    def rest(self) -> None:
        """What it accepted waits: another one's turn is not to be slowed by it."""
        psutil.Process(self.digester.pid).suspend()

    def go_on(self) -> None:
        psutil.Process(self.digester.pid).resume()


def why_not() -> str:
    """Why it cannot be run here; empty where it can."""
    if (BIN / "bugsink-manage").exists():
        return ""
    return f"{BIN.parent.name} is not there: `make {BIN.parent.name}/.ready` could not install it, or was not run"


def version() -> str:
    return _call("bugsink-show-version", cwd=ROOT).split()[-1]


@contextmanager
def bugsink(folder: Path) -> Iterator[Bugsink]:
    port = free_port()
    folder.mkdir()
    config = folder / "bugsink_conf.py"
    _call(
        "bugsink-create-conf",
        *("--template=singleserver", f"--port={port}", "--host=127.0.0.1", f"--base-dir={folder}"),
        cwd=folder,
    )
    config.write_text(config.read_text() + _SETTINGS)
    for words in (("migrate",), ("migrate", "snappea", "--database=snappea")):
        _call("bugsink-manage", *words, cwd=folder)
    said = _call("bugsink-manage", "shell", "-c", _PROJECTS.replace("COUNT", str(PROJECTS)), cwd=folder)
    made = json.loads(said.partition("made:")[2].splitlines()[0])
    gunicorn = (
        "gunicorn",
        *("--config", "python:bugsink.gunicorn.docker.conf", f"--bind=127.0.0.1:{port}", "bugsink.wsgi"),
    )
    web = _start("bugsink", folder, *gunicorn)
    digester = _start("snappea", folder, "bugsink-runsnappea")
    try:
        wait_until(lambda: _answers(port), _START_SECONDS, f"Bugsink answers\n{web.text()[-2_000:]}")
        dsns = tuple(Dsn(project=pk, key=key) for pk, key in made)
        yield Bugsink(port=port, dsns=dsns, folder=folder, web=web, digester=digester)
    finally:
        web.kill()
        digester.kill()


def _start(name: str, folder: Path, program: str, *words: str) -> Program:
    return Program(name, [str(BIN / program), *words], env=_environment(folder), folder=folder)


def _call(program: str, *words: str, cwd: Path) -> str:
    """What it printed. Raises RuntimeError with that where it failed."""
    done = subprocess.run(
        [str(BIN / program), *words],
        cwd=cwd,
        env=_environment(cwd),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{program} {words[0]}: {done.stderr[-2_000:]}")
    return done.stdout


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder), "PYTHONUNBUFFERED": "1"}


def _answers(port: int) -> bool:
    try:
        return (
            httpx2.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False, timeout=5).status_code == 200
        )
    except httpx2.HTTPError:
        return False
