"""`make sam-local` as a process of its own, what it says, and what is left of it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped, unused-ignore]

from infra.local import process
from tests.conftest import ROOT
from tests.e2e.program import Program, wait_until

READY_SECONDS = 150.0
STOP_SECONDS = 60.0
_ANSWER_SECONDS = 30.0
_INVOKE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: Any
    milliseconds: float


class SamLocal:
    """Started when entered; ended, whatever became of it, when left."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.port = process.free_port()
        env = {**env, "PORT": str(self.port), "PYTHONPATH": str(ROOT)}
        self.program = Program("sam-local", _argv("run"), env=env, folder=folder)

    def __enter__(self) -> SamLocal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.program.is_alive():
            self.program.terminate()
            self.program.wait(STOP_SECONDS)
        self.program.kill()

    def wait_until_ready(self) -> float:
        """The seconds from the start of its servers to the first good answer of /readyz, as it says."""

        def ready() -> list[str]:
            assert self.program.is_alive(), self.program.text()
            return re.findall(
                r"run +\| ready in ([\d.]+) s\n(?:.*\n)*?.*Ctrl-C stops it", self.program.text()
            )

        [seconds] = wait_until(ready, READY_SECONDS, "sam local is ready")
        return float(seconds)

    @property
    def key(self) -> str:
        [key] = set(re.findall(r"API key +(rn_\S+)", self.program.text()))
        return str(key)

    def containers(self) -> set[str]:
        """The ids of all that `sam` has made so far."""
        return set(re.findall(r"SAM_CONTAINER_ID: ([0-9a-f]{64})", self.program.text()))

    def ask(self, method: str, path: str, body: object = None, *, key: str | None = None) -> Answer:
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)
        began = time.perf_counter()
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            said = response.read()
        finally:
            connection.close()
        milliseconds = (time.perf_counter() - began) * 1000
        return Answer(status=response.status, body=json.loads(said), milliseconds=milliseconds)

    def invoke(self, function: str, env: Mapping[str, str]) -> Any:
        """What the function returned, by `make sam-invoke`'s command."""
        done = subprocess.run(
            _argv("invoke", function),
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INVOKE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def processes(self) -> list[psutil.Process]:
        """Its own, and those of its containers, which have other parents."""
        found = self.program.children()
        for one in psutil.process_iter(["cmdline"]):
            if any(id_ in (one.info["cmdline"] or ()) for id_ in self.containers()):
                found += [one, *one.children(recursive=True)]
        return found

    def end(self, signum: signal.Signals) -> float:
        """The seconds that it took."""
        began = time.monotonic()
        psutil.Process(self.program.pid).send_signal(signum)
        assert self.program.wait(STOP_SECONDS) is not None, self.program.text()
        return time.monotonic() - began


def alive(found: psutil.Process) -> bool:
    """A zombie is not: the first process of a container often leaves the dead unburied."""
    try:
        return bool(found.is_running() and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "infra.samlocal", *words]
