"""The guide's programs as users start them, and what fills the queue behind an API."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import httpx2

from infra.local.process import free_port
from tests.conftest import ROOT
from tests.e2e.program import Program
from tests.load.made_events import Texts, made_events

_BATCH = 250


class Reference:
    """The guide's programs, over a database and a queue of their own."""

    def __init__(
        self, folder: Path, *, database_url: str, redis_url: str, settings: Mapping[str, str]
    ) -> None:
        self.database_url = database_url
        self._folder = folder
        self._port = free_port()
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            **settings,
        }
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self._port}", trust_env=False, timeout=60)
        # Of its batches the one in a single commit, only since a backlog is there sooner.
        self.fill = Filling(self.http, "/api/v1/events/batch-in-one-commit")

    def run(self, name: str, *words: str) -> Program:
        return Program(name, [sys.executable, "-m", *words], env=self._env, folder=self._folder)

    def serve(self) -> Program:
        return self.run("reference", "uvicorn", "tests.load.reference.main:app", "--port", str(self._port))


class Filling:
    """Sends new events in batches, and never the same one twice."""

    def __init__(self, http: httpx2.Client, path: str) -> None:
        self._http = http
        self._path = path
        self._events = made_events(Texts.NEW)
        self._numbers = count()

    def __call__(self, jobs: int) -> None:
        for _ in range(-(-jobs // _BATCH)):
            body = self._events.batch(next(self._numbers), _BATCH)
            headers = {"content-type": "application/json"}
            answer = self._http.post(self._path, content=body, headers=headers, timeout=60)
            if answer.status_code != 202:
                raise RuntimeError(f"a batch was answered with {answer.status_code}: {answer.text[:200]}")


def serves(http: httpx2.Client) -> bool:
    """Whether it answers."""
    try:
        return http.get("/openapi.json").status_code == 200
    except httpx2.HTTPError:
        return False
