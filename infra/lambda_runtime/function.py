"""A Lambda function on this machine: a bundle under AWS's own runtime client and runtime API.

One process a function and one invocation at a time, as in an execution environment. Loopback only.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from infra.lambda_runtime import parts
from infra.local import process

_START_SECONDS = 20.0
_STOP_STEPS = ((signal.SIGTERM, 3.0),)
_PATH = "/2015-03-31/functions/function/invocations"
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_TRIES = 3


class FunctionError(Exception):
    """The function did not start, or did not answer in time."""


class Function:
    """`folder` keeps logs and the runtime's parts; several functions may share it."""

    def __init__(
        self,
        bundle: Path,
        handler: str,
        *,
        folder: Path,
        environment: Mapping[str, str],
        timeout: int = 30,
        memory: int = 512,
        also_on_path: Sequence[Path] = (),
    ) -> None:
        """`timeout` in seconds and `memory` in MB are the function's own; memory is not enforced."""
        self._argv = [str(parts.interpreter(folder)), "-m", "awslambdaric", handler]
        self._emulator = parts.emulator(folder)
        self._bundle = bundle
        self._timeout = timeout
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(bundle),
            "PYTHONPATH": os.pathsep.join(map(str, (bundle, *also_on_path))),
            # As on Lambda, where the folder cannot be written to.
            "PYTHONDONTWRITEBYTECODE": "1",
            # The runtime's client answers in another JSON for some of them.
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_NAME": handler.split(".")[-2],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            **environment,
        }
        self.log = folder / f"{handler}-{time.monotonic_ns()}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Function:
        for _ in range(_TRIES):
            if self._start():
                return self
        raise FunctionError(f"the emulator does not start:\n{self.text()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            runtime = self.runtime_pid()
            process.stop(self._process, _STOP_STEPS)
            if runtime is not None:
                process.kill_group(runtime)
            self._process = None

    def invoke(self, event: object, *, seconds: float | None = None) -> Any:
        """What the handler returned. For an invocation that failed, the emulator says so in a JSON object
        with `errorType`, or in a text when time was up, as AWS's API does beside a header.

        Raises FunctionError after `seconds`, by default some more than the function's own time-out.
        """
        patience = self._timeout + _START_SECONDS if seconds is None else seconds
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=patience)
        try:
            connection.request("POST", _PATH, body=json.dumps(event).encode())
            said = connection.getresponse().read()
        except (OSError, http.client.HTTPException) as exc:
            raise FunctionError(f"no answer ({exc!r}):\n{self.text()}") from exc
        finally:
            connection.close()
        try:
            return json.loads(said)
        except ValueError:
            return said.decode(errors="replace")

    def init_milliseconds(self) -> list[float]:
        """How long each start of the runtime took, from its process to the loaded handler."""
        return [float(found) for found in _INIT.findall(self.text())]

    def peak_megabytes(self) -> float:
        """The most memory that the runtime's process had in use; 0 when there is none."""
        status = _read(Path(f"/proc/{self.runtime_pid()}/status"))
        return int(found[1]) / 1_000 if (found := _PEAK.search(status)) else 0.0

    def runtime_pid(self) -> int | None:
        """The process with the handler in it; None before the first invocation and after a crash."""
        if self._process is None:
            return None
        children = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        found = [int(pid) for path in children for pid in _read(path).split()]
        return next((pid for pid in found if b"awslambdaric" in _read_bytes(pid)), None)

    def signal_runtime(self, signum: signal.Signals) -> None:
        """SIGSTOP and SIGCONT are what Lambda's freezing is between invocations; SIGKILL a crash."""
        if (pid := self.runtime_pid()) is None:
            raise FunctionError("the runtime does not run")
        os.kill(pid, signum)

    def text(self) -> str:
        """All that the emulator and the function have printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _start(self) -> bool:
        """False when a port was taken by another meanwhile."""
        self._port, runtime_port = process.free_port(), process.free_port()
        with self.log.open("ab") as out:
            # Without both addresses the emulator would listen to the whole network.
            self._process = process.spawn(
                [
                    str(self._emulator),
                    *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
                    *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
                    *self._argv,
                ],
                stage=process.STAGE_SERVICES,
                env=self._environment,
                cwd=self._bundle,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if process.port_is_taken(self._port):
                return True
            time.sleep(0.02)
        process.stop(self._process, _STOP_STEPS)
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _read_bytes(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
