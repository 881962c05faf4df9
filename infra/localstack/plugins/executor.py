"""Lambda's process executor, as LocalStack 4.9.2 takes it. Runs inside LocalStack's own environment.

LocalStack's own executor needs Docker. It finds this one by the entry point that
`infra.localstack.server` writes, when LAMBDA_RUNTIME_EXECUTOR is `process`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import (
    LambdaRuntimeException,
    RuntimeExecutor,
)

from infra.localstack.runtime.function_process import Function
from infra.localstack.runtime.sandbox import Sandbox

PYTHON_VARIABLE = "FUNCTION_PYTHON"
RUNTIME_VARIABLE = "FUNCTION_RUNTIME"
"""The runtime, as `python3.11`, that the interpreter of FUNCTION_PYTHON stands for."""

ONLY_OF_LOCALSTACK = ("LOCALSTACK_", "EDGE_PORT", "AWS_XRAY_", "_AWS_XRAY_", "AWS_LAMBDA_FUNCTION_TIMEOUT")


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *_: object, **__: object) -> type[RuntimeExecutor]:
        # LocalStack writes every function's output to /aws/lambda/NAME, whatever its LoggingConfig says.
        ExecutionEnvironment.get_log_group_name = _log_group
        return ProcessExecutor


class ProcessExecutor(RuntimeExecutor):
    """One execution environment. The process starts with the first invocation and after each failure."""

    def start(self, env_vars: Mapping[str, object]) -> None:
        config = self.function_version.config
        self._scratch = Path(tempfile.mkdtemp(prefix=f"function-{self.id[:8]}-"))
        self._sandbox = Sandbox(
            Function(
                python=Path(os.environ[PYTHON_VARIABLE]),
                code=config.code.get_unzipped_code_location(),
                handler=config.handler,
                timeout=config.timeout,
                memory_mb=config.memory_size,
                environment=_environment(self.function_version, env_vars),
                scratch=self._scratch,
            )
        )

    def stop(self) -> None:
        self._sandbox.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def invoke(self, payload: Mapping[str, str]) -> InvocationResult:
        request_id = payload["invoke-id"]
        outcome = self._sandbox.invoke(
            request_id,
            payload["payload"].encode(),
            function_arn=payload["invoked-function-arn"],
            trace=payload["trace-id"],
        )
        return InvocationResult(request_id, outcome.payload, is_error=outcome.failed, logs=outcome.logs)

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return "http://127.0.0.1"

    def get_logs(self) -> str:
        return ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        config = function_version.config
        offered = os.environ[RUNTIME_VARIABLE]
        if config.runtime != offered:
            raise LambdaRuntimeException(f"runtime {config.runtime} is asked for, and {offered} is here")
        config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """The code's folder goes with LocalStack's."""


def _environment(version: FunctionVersion, env_vars: Mapping[str, object]) -> dict[str, str]:
    given = {name: str(value) for name, value in env_vars.items() if not name.startswith(ONLY_OF_LOCALSTACK)}
    logging = version.config.logging_config
    given["AWS_LAMBDA_LOG_FORMAT"] = logging.get("LogFormat", "Text")
    if "ApplicationLogLevel" in logging:
        given["AWS_LAMBDA_LOG_LEVEL"] = logging["ApplicationLogLevel"]
    return given | {"AWS_EXECUTION_ENV": f"AWS_Lambda_{version.config.runtime}"}


def _log_group(environment: ExecutionEnvironment) -> str:
    version = environment.function_version
    default = f"/aws/lambda/{version.id.function_name}"
    return version.config.logging_config.get("LogGroup") or default
