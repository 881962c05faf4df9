"""LocalStack on loopback, from a virtual environment of its own: no Docker, no account, no token."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from infra.lambda_runtime import parts
from infra.local import process
from infra.local.errors import LocalError
from infra.local.server import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-localstack"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""Lambda's name of the Python that functions run under here: this one."""
ENTRY_POINT = """\
[localstack.lambda.runtime_executor]
process = infra.localstack.plugins.executor:ProcessExecutorPlugin
[localstack.cloudformation.resource_providers]
AWS::CloudFormation::CustomResource = infra.localstack.plugins.custom_resource:CustomResourcePlugin
[localstack.hooks.on_infra_start]
repair = infra.localstack.plugins.repairs:repair
"""
METADATA = "Metadata-Version: 2.1\nName: rootnote-process-executor\nVersion: 1\n"

SETTINGS = {
    # Twisted, its default, binds every address.
    "GATEWAY_SERVER": "hypercorn",
    "OVERRIDE_IN_DOCKER": "0",
    "DNS_ADDRESS": "0",
    # Nothing is reported or fetched.
    "DISABLE_EVENTS": "1",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "LAMBDA_RUNTIME_EXECUTOR": "process",
    # URLs without a host name of the queue's, which nothing here could resolve.
    "SQS_ENDPOINT_STRATEGY": "path",
    # A resource of a kind that it lacks is marked as made; `infra.localstack.deployer` finds and names these.
    "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "1",
}


class LocalStackServer(EmbeddedServer):
    """Starts empty each time. All that it and its functions write is in `data_dir`/run, and goes at the end.

    `settings` are variables of LocalStack's own, such as LAMBDA_RETRY_BASE_DELAY.
    """

    title = "LocalStack"
    start_seconds = 120.0
    # Some of its threads do not hear of the end.
    stop_steps = ((signal.SIGTERM, 4),)

    def __init__(
        self, data_dir: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data_dir, port=port)
        self._settings = dict(settings or {})
        self._run = self.data_dir / "run"

    @property
    def url(self) -> str:
        if self.port is None:
            raise LocalError("LocalStack has not been started")
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self._run, ignore_errors=True)

    def _prepare(self, lock_fd: int) -> None:
        if not (VENV / ".ready").exists():
            raise LocalError(f"{VENV.name} is not there; make it with: make {VENV.name}/.ready")
        shutil.rmtree(self._run, ignore_errors=True)
        for folder in ("tmp", "home", "plugin/rootnote_process_executor-1.dist-info"):
            (self._run / folder).mkdir(parents=True)
        plugin = self._run / "plugin/rootnote_process_executor-1.dist-info"
        (plugin / "entry_points.txt").write_text(ENTRY_POINT)
        (plugin / "METADATA").write_text(METADATA)
        try:
            self._function_python = parts.interpreter(self._run)
        except PackageNotFoundError as error:
            raise LocalError(
                f"{sys.prefix} has no {error.name}; `make lint` installs what tests need"
            ) from None

    def _spawn(self, port: int, lock_fd: int) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join((str(self._run / "plugin"), str(ROOT))),
            "PYTHONUNBUFFERED": "1",
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{port}",
            "FILESYSTEM_ROOT": str(self._run),
            "TMPDIR": str(self._run / "tmp"),
            "HOME": str(self._run / "home"),
            "FUNCTION_PYTHON": str(self._function_python),
            "FUNCTION_RUNTIME": RUNTIME,
            **SETTINGS,
            **self._settings,
        }
        with self.log.open("ab") as log:
            return process.spawn(
                [str(VENV / "bin" / "python"), "-m", "localstack.runtime.main"],
                stage=process.STAGE_SERVERS,
                cwd=self._run,
                env=environment,
                stdout=log,
                stderr=log,
                pass_fds=(lock_fd,),
            )

    def _answers(self, port: int, pid: int) -> bool:
        url = f"http://127.0.0.1:{port}/_localstack/init/ready"
        try:
            with _DIRECTLY.open(url, timeout=5) as answer:
                return json.load(answer).get("completed") is True
        except (OSError, ValueError):
            return False


# A proxy of the environment must not be asked for loopback.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
