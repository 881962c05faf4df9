"""The container engine as `sam local` wants it: by Docker's API on a socket, with a bridge for containers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import AF_UNIX, socket

from infra.containers.engine import Engine, Kind
from infra.containers.errors import ContainerError, Unavailable
from infra.local import process
from infra.local.errors import LocalError
from infra.samlocal.network import Network, inspect

_NETWORK = "rootnote-samlocal"
_COMMAND_SECONDS = 60.0
_START_SECONDS = 20.0
_STOP_STEPS = ((signal.SIGTERM, 5.0),)
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Docker:
    """A daemon that runs already."""

    engine: Engine
    network: Network
    host: str


@dataclass(frozen=True, kw_only=True)
class Podman:
    """Its API has to be started; see `PodmanApi`."""

    engine: Engine
    network: Network


@contextlib.contextmanager
def prepared(engine: Engine, folder: Path) -> Iterator[Docker | Podman]:
    """`folder` is where podman's settings are. Raises Unavailable and ContainerError."""
    if sys.platform != "linux":
        raise Unavailable("make sam-local needs Linux: elsewhere containers run in a virtual machine")
    if engine.kind is Kind.DOCKER:
        yield Docker(engine=engine, network=inspect(engine, "bridge"), host=_docker_host(engine))
        return
    if os.geteuid() != 0:
        raise Unavailable(
            "make sam-local needs docker, or podman as root: what an ordinary user's podman runs "
            "cannot reach this machine's 127.0.0.1"
        )
    with _own_network(engine, folder) as found:
        yield found


def _docker_host(engine: Engine) -> str:
    """`sam` knows nothing of docker's contexts."""
    given = engine.env.get("DOCKER_HOST")
    return (
        given
        or engine.call(
            "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", seconds=_COMMAND_SECONDS
        ).strip()
    )


@contextlib.contextmanager
def _own_network(engine: Engine, folder: Path) -> Iterator[Podman]:
    """A bridge of our own: two podmans with storage of their own would give the same addresses on the
    default one. It is the default network for what the yielded engine runs."""
    networks = folder / "networks"
    networks.mkdir(exist_ok=True)
    settings = Path(engine.env["CONTAINERS_CONF"]).read_text()
    settings += f'[network]\nnetwork_config_dir = "{networks}"\n'
    # Podman does not make a network by the name of its default one, so there are two files.
    making, running = (_with_settings(engine, folder, f"samlocal-{name}") for name in ("make", "run"))
    Path(making.env["CONTAINERS_CONF"]).write_text(settings)
    Path(running.env["CONTAINERS_CONF"]).write_text(f'{settings}default_network = "{_NETWORK}"\n')
    if making.attempt("network", "exists", _NETWORK, seconds=_COMMAND_SECONDS).returncode:
        making.call("network", "create", _NETWORK, seconds=_COMMAND_SECONDS)
    try:
        yield Podman(engine=running, network=inspect(running, _NETWORK))
    finally:
        making.attempt("network", "rm", _NETWORK, seconds=_COMMAND_SECONDS)


def _with_settings(engine: Engine, folder: Path, name: str) -> Engine:
    return replace(engine, env={**engine.env, "CONTAINERS_CONF": str(folder / f"{name}.conf")})


class PodmanApi:
    """Docker's API by podman, on a socket that nobody else may open; ends with this process."""

    def __init__(self, podman: Podman, log: Path) -> None:
        self._engine = podman.engine
        self._log = log
        # A socket's path may not be longer than 107 bytes, which a checkout's often is; and /run is root's.
        self._folder = Path("/run/rootnote-samlocal") / hashlib.sha256(bytes(log)).hexdigest()[:12]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> Path:
        return self._folder / "podman.sock"

    def start(self) -> None:
        """Return when it answers. Raises LocalError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = process.spawn(
                [self._engine.program, "system", "service", "--time=0", self.url],
                stage=process.STAGE_SERVERS,
                env=self._engine.env,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() >= deadline:
                raise LocalError(f"podman's API does not start (see {self._log})")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            process.stop(self._process, _STOP_STEPS)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _answers(self) -> bool:
        connection = HTTPConnection("localhost", timeout=_ANSWER_SECONDS)
        try:
            connection.sock = socket(AF_UNIX)
            connection.sock.settimeout(_ANSWER_SECONDS)
            connection.sock.connect(str(self._socket))
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def remove_containers(engine: Engine, code: Path) -> int:
    """Remove by their ids the containers that `sam local` has on the bundles in `code`; how many.

    None are left where it ended well.
    """
    label = "label=sam.cli.container.type=lambda"
    listed = engine.attempt(
        "ps", "--all", "--quiet", "--no-trunc", "--filter", label, seconds=_COMMAND_SECONDS
    )
    ours = [id_ for id_ in listed.stdout.split() if _is_on(engine, id_, code)]
    for id_ in ours:
        with contextlib.suppress(ContainerError):
            engine.attempt("rm", "--force", id_, seconds=_COMMAND_SECONDS)
    return len(ours)


def _is_on(engine: Engine, container: str, code: Path) -> bool:
    template = '{{range .Mounts}}{{.Source}}{{"\\n"}}{{end}}'
    seen = engine.attempt("inspect", "--format", template, container, seconds=_COMMAND_SECONDS)
    return any(Path(line).is_relative_to(code) for line in seen.stdout.splitlines() if line)
