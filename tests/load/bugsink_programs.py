"""Bugsink on this machine, from its own package in an environment of its own, as it says itself.

Its template for one server (SQLite, its own queue with four workers), gunicorn with the settings of its own
container image; quotas are raised, what calls home is off, and there is no proxy in front.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
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
_INSTALL_SECONDS = 600
_REASON = 300
_SETTINGS = """
SECURE_PROXY_SSL_HEADER = None
USE_X_REAL_IP = False
BUGSINK["PHONEHOME"] = False
for _span in ("5_MINUTES", "HOUR", "MONTH"):
    BUGSINK["MAX_EVENTS_PER_" + _span] = BUGSINK["MAX_EVENTS_PER_PROJECT_PER_" + _span] = 1_000_000_000
"""
_PROJECTS = """
import json
from projects.models import Project
made = [Project.objects.create(name=f"bench-{n}", slug=f"bench-{n}", retention_max_event_count=10**9)
        for n in range(COUNT)]
print("made:" + json.dumps([[one.pk, one.sentry_key.hex] for one in made]))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Used:
    """So far: seconds of CPU, with what its database takes, and events that are in its tables."""

    accepting: float
    digesting: float
    digested: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Bugsink:
    """Running. `dsns`: its projects."""

    port: int
    dsns: tuple[Dsn, ...]
    folder: Path
    web: Program
    digester: Program

    def used(self) -> Used:
        return Used(
            accepting=cpu_seconds(self.web.pid),
            digesting=cpu_seconds(self.digester.pid),
            digested=self._number("SELECT count(*) FROM events_event"),
        )

    def groups(self) -> int:
        return self._number("SELECT count(*) FROM issues_issue")

    def _number(self, sql: str) -> int:
        address = f"file:{self.folder}/db.sqlite3?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as database:
            [found] = database.execute(sql).fetchone()
        return int(found)

    def rest(self) -> None:
        """What it accepted waits: another one's turn is not to be slowed by it."""
        psutil.Process(self.digester.pid).suspend()

    def go_on(self) -> None:
        psutil.Process(self.digester.pid).resume()


def why_not_installed(venv: str = BIN.parent.name) -> str:
    """What was said when it could not be installed; empty where it is there, as it is from then on."""
    made = subprocess.run(
        ["make", "--silent", f"{venv}/.ready"],
        cwd=ROOT,
        stdout=sys.stderr,
        stderr=subprocess.PIPE,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    errors = [line for line in made.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or [made.stderr.strip()])[-1][:_REASON] if made.returncode else ""


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
    [gunicorn] = BIN.parent.glob("lib/python*/site-packages/bugsink/gunicorn.docker.conf.py")
    settings = (f"--config={gunicorn}", f"--bind=127.0.0.1:{port}", "--access-logfile=-")
    web = _start("bugsink", folder, "gunicorn", *settings, "bugsink.wsgi")
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
