"""An HTTP server as a process of its own on loopback, by the command that its users start it with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from infra.local.process import free_port
from tests.conftest import ROOT
from tests.e2e.program import Program, wait_until

_START_SECONDS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpServer:
    port: int
    pid: int


@contextmanager
def http_server(name: str, words: Sequence[str], *, folder: Path, **settings: str) -> Iterator[HttpServer]:
    """`python -m words --port PORT`, once it answers; `settings` are all of its environment variables."""
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    argv = [sys.executable, "-m", *words, "--port", str(port)]
    program = Program(name, argv, env=env, folder=folder)
    try:
        # Evaluated when it fails only: by then the log says why.
        try:
            wait_until(lambda: _answers(program, port), _START_SECONDS, f"{name} answers")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{program.text()}") from None
        yield HttpServer(port=port, pid=program.pid)
    finally:
        program.kill()


def _answers(program: Program, port: int) -> bool:
    """With whatever status. Raises AssertionError where it has ended."""
    assert program.is_alive(), program.name
    try:
        httpx2.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
    except httpx2.HTTPError:
        return False
    return True
