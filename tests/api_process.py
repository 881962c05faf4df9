"""The API as a process of its own on loopback, as it is deployed, so that what it costs can be measured."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil  # type: ignore[import-untyped, unused-ignore]

from infra.local.process import free_port
from tests.conftest import ROOT
from tests.e2e.program import Program, wait_until

_START_SECONDS = 45
_SERVE = """
import sys
from handlers.bounded_http import BoundedHttp
from handlers.serve import serve

BoundedHttp.head_seconds, BoundedHttp.rest_seconds = float(sys.argv[2]), 1.0
serve(["--host", "127.0.0.1", "--port", sys.argv[1]])
"""
"""With shorter times than a deployment's, so that tests need not wait."""


class ApiProcess:
    """Running, and ready for requests at `url`."""

    def __init__(self, program: Program, port: int) -> None:
        self.program = program
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._process = psutil.Process(program.pid)

    def cpu_seconds(self) -> float:
        """What its threads have used so far; the system counts in hundredths."""
        used = self._process.cpu_times()
        return float(used.user + used.system)

    def resident_bytes(self) -> int:
        return int(self._process.memory_info().rss)

    def peak_bytes(self) -> int:
        """The most memory that it has had since its start, or since `forget_peak`."""
        for line in Path(f"/proc/{self.program.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1_024
        raise AssertionError("no VmHWM: the peak of memory is known on Linux only")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.program.pid}/clear_refs").write_text("5")

    def problems_logged(self) -> list[dict[str, Any]]:
        """Log lines of ERROR and above."""
        return [line for line in self.program.lines() if line.get("level") in {"ERROR", "CRITICAL"}]


@contextmanager
def running_api(
    folder: Path, *, database_url: str, redis_url: str, head_seconds: float = 2.0, **settings: str
) -> Iterator[ApiProcess]:
    """`settings` are further environment variables."""
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        **settings,
    }
    program = Program(
        f"api-{port}", [sys.executable, "-c", _SERVE, str(port), str(head_seconds)], env=env, folder=folder
    )
    try:
        api = ApiProcess(program, port)
        wait_until(lambda: _answers(api.url), _START_SECONDS, f"the API answers\n{program.text()}")
        yield api
    finally:
        program.kill()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False
