"""One cold start of a function under Lambda's runtime client and the emulator of its API."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.lambda_runtime.function import Function

_CPU_CLOCK_OF_A_PROCESS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What is started: a handler in its bundle, and the event that it is sent."""

    bundle: Path
    handler: str
    environment: Mapping[str, str]
    event: Mapping[str, Any]
    status: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Milliseconds. `first` is the first invocation without the start before it; `cpu` of both, in the
    function's process; `warm` the median of those that follow."""

    init: float
    first: float
    cpu: float
    warm: float

    @property
    def total(self) -> float:
        return self.init + self.first


def start_once(case: Case, folder: Path, *, warm_invocations: int) -> Start:
    """Raises RuntimeError where the answer has another status than the case's."""
    with Function(case.bundle, case.handler, folder=folder, environment=case.environment) as function:
        whole = _timed(function, case)
        cpu = _cpu_milliseconds(function)
        [init] = function.init_milliseconds()
        warm = statistics.median(_timed(function, case) for _ in range(warm_invocations))
    return Start(init=init, first=whole - init, cpu=cpu, warm=warm)


def _timed(function: Function, case: Case) -> float:
    started = time.perf_counter()
    answer = function.invoke(case.event)
    spent = (time.perf_counter() - started) * 1_000
    if not isinstance(answer, dict) or answer.get("statusCode") != case.status:
        raise RuntimeError(f"{case.handler} answered {answer!r}:\n{function.text()}")
    return spent


def _cpu_milliseconds(function: Function) -> float:
    """By the kernel's own clock of the process (clock_getcpuclockid), to the nanosecond."""
    pid = function.runtime_pid()
    assert pid is not None
    return time.clock_gettime_ns((~pid << 3) | _CPU_CLOCK_OF_A_PROCESS) / 1e6
