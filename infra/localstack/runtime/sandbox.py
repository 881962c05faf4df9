"""One execution environment of a function, as Lambda's caller and its log see it.

What it keeps of Lambda: the runtime API, a cold start after every crash and time-out, the errors' types and
texts, START, END and REPORT lines, no package but those of the bundle and of Lambda's runtime. What it does
not: isolation, the memory limit, the freeze between invocations, the other architecture.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from infra.localstack.runtime.function_process import Failure, Function, FunctionProcess
from infra.localstack.runtime.runtime_api import Answered, Invocation


@dataclass(frozen=True, kw_only=True)
class Outcome:
    payload: bytes
    failed: bool
    logs: str


class Sandbox:
    """One invocation at a time; `close` may come from another thread and ends a running one."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._process: FunctionProcess | None = None

    def invoke(self, request_id: str, payload: bytes, *, function_arn: str, trace: str) -> Outcome:
        process, init_seconds = self._process, None
        said = ""
        if process is None or not process.lives():
            process = self._process = FunctionProcess(self._function)
            started = time.monotonic()
            failure = process.wait_until_ready()
            init_seconds = time.monotonic() - started
            said = process.output()
            if failure is not None:
                process.end()
                return self._outcome(
                    failure, request_id, said, f"Init Duration: {init_seconds * 1000:.2f} ms"
                )
        invocation = Invocation(
            request_id=request_id,
            payload=payload,
            function_arn=function_arn,
            trace=trace,
            deadline_ms=int((time.time() + self._function.timeout) * 1000),
        )
        began = time.monotonic()
        result = process.work(invocation)
        figures = self._figures(time.monotonic() - began, process.peak_mb(), init_seconds)
        if isinstance(result, Failure):
            process.end()
        said += f"START RequestId: {request_id} Version: $LATEST\n{process.output()}"
        return self._outcome(result, request_id, said, figures)

    def close(self) -> None:
        process = self._process
        if process is not None:
            process.end()

    @staticmethod
    def _outcome(result: Answered | Failure, request_id: str, said: str, figures: str) -> Outcome:
        if said and not said.endswith("\n"):
            said += "\n"
        note = result.line if isinstance(result, Failure) else ""
        return Outcome(
            payload=result.payload,
            failed=isinstance(result, Failure) or result.failed,
            logs=f"{said}{note}END RequestId: {request_id}\nREPORT RequestId: {request_id}\t{figures}\n",
        )

    def _figures(self, seconds: float, peak_mb: int, init_seconds: float | None) -> str:
        duration = seconds * 1000
        figures = [
            f"Duration: {duration:.2f} ms",
            f"Billed Duration: {int(duration) + 1} ms",
            f"Memory Size: {self._function.memory_mb} MB",
        ]
        if peak_mb:
            figures.append(f"Max Memory Used: {peak_mb} MB")
        if init_seconds is not None:
            figures.append(f"Init Duration: {init_seconds * 1000:.2f} ms")
        return "\t".join(figures)
