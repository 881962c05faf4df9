"""A process of a function, from its cold start to its end, under AWS's own runtime client."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.localstack.runtime.lifeline import Lifeline
from infra.localstack.runtime.runtime_api import (
    Answered,
    Event,
    Exited,
    InitFailed,
    Invocation,
    RuntimeApi,
)

INIT_SECONDS = 30.0
"""Lambda gives 10, on processors that run nothing else."""
SETTLE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Function:
    python: Path
    """An interpreter whose site-packages have what Lambda's runtime has, and no more."""
    code: Path
    handler: str
    timeout: float
    memory_mb: int
    environment: Mapping[str, str]
    scratch: Path
    """A folder of this process's own, for its /tmp, its home and its output."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The process is of no more use."""

    payload: bytes
    """What the caller gets."""
    line: str = ""
    """What Lambda writes to the function's log."""


class FunctionProcess:
    """Used by one thread, but for `end`."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._events: queue.Queue[Event] = queue.Queue()
        self._output = function.scratch / "output"
        self._read = 0
        self._api = RuntimeApi(self._events)
        self._lifeline = Lifeline()
        self._process = self._start()
        self._lifeline.tie(self._process.pid)
        self._watcher = threading.Thread(target=self._watch, name="lambda-process", daemon=True)
        self._watcher.start()

    def lives(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> Failure | None:
        try:
            event = self._events.get(timeout=INIT_SECONDS)
        except queue.Empty:
            return _timed_out("init", INIT_SECONDS)
        if isinstance(event, InitFailed):
            return Failure(payload=event.payload)
        if isinstance(event, Exited):
            return _exited("init", event.code)
        return None

    def work(self, invocation: Invocation) -> Answered | Failure:
        request_id = invocation.request_id
        self._api.offer(invocation)
        while True:
            left = invocation.deadline_ms / 1000 - time.time()
            try:
                event = self._events.get(timeout=max(left, 0))
            except queue.Empty:
                return _timed_out(request_id, self._function.timeout)
            if isinstance(event, Answered) and event.request_id == request_id:
                # What it writes until it asks for more still belongs to this invocation.
                with contextlib.suppress(queue.Empty):
                    self._events.get(timeout=SETTLE_SECONDS)
                return event
            if isinstance(event, Exited):
                return _exited(request_id, event.code)

    def output(self) -> str:
        """What it wrote since the last call."""
        with self._output.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        self._read += len(text)
        return text.decode(errors="replace")

    def peak_mb(self) -> int:
        """Of resident memory; 0 where the system does not say, or no more."""
        try:
            status = Path("/proc", str(self._process.pid), "status").read_text()
        except OSError:
            return 0
        peak = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(peak[1]) // 1024 if peak else 0

    def end(self) -> None:
        """At once, with all that it started. From any thread, once or more often."""
        if self.lives():
            self._kill_group()
        self._watcher.join()

    def _start(self) -> subprocess.Popen[bytes]:
        function = self._function
        folders = {"TMPDIR": function.scratch / "tmp", "HOME": function.scratch / "home"}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            # In Lambda nothing can be written beside the code.
            "PYTHONDONTWRITEBYTECODE": "1",
            **function.environment,
            **{name: str(folder) for name, folder in folders.items()},
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(function.code),
            "PYTHONPATH": str(function.code),
        }
        # A file and not a pipe: what was written before an answer is in it when the answer is here.
        with self._output.open("wb") as output:
            return subprocess.Popen(
                [str(function.python), "-P", "-m", "awslambdaric", function.handler],
                cwd=function.code,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(self._lifeline.child_end,),
                process_group=0,
            )

    def _watch(self) -> None:
        code = self._process.wait()
        # Its own children go as well, as they do with Lambda's sandbox.
        self._kill_group()
        self._events.put(Exited(code=code))
        self._api.close()
        self._lifeline.close()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _timed_out(request_id: str, seconds: float) -> Failure:
    reason = f"Task timed out after {seconds:.2f} seconds"
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    error = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request_id} Error: {reason}"}
    return Failure(payload=json.dumps(error).encode(), line=f"{now} {request_id} {reason}\n")


def _exited(request_id: str, code: int) -> Failure:
    if code == 0:
        reason = "Runtime exited without providing a reason"
    elif code > 0:
        reason = f"Runtime exited with error: exit status {code}"
    else:
        reason = f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    message = f"RequestId: {request_id} Error: {reason}"
    error = {"errorType": "Runtime.ExitError", "errorMessage": message}
    return Failure(payload=json.dumps(error).encode(), line=f"{message}\nRuntime.ExitError\n")
