"""A deployment's containers beside each other, and an API on this machine to send events by."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from core.processes import Process
from infra.containers.engine import Engine
from infra.containers.image import Image
from infra.local.process import free_port
from tests.aws.image.containers import Container, environment, fargate_volume
from tests.e2e.stack import Stack


@dataclass(kw_only=True)
class Fargate:
    """`stack` has one program, the API. `owner` is whose Fargate makes a volume at /tmp, as user and group.

    `running` ends what was started.
    """

    engine: Engine
    image: Image
    stack: Stack
    settings: dict[str, str]
    owner: tuple[int, int]
    new_folder: Callable[[], Path]
    running: ExitStack
    containers: list[Container] = field(default_factory=list)

    def volume(self, owner: tuple[int, int] | None = None) -> Path:
        """An empty one for /tmp."""
        return fargate_volume(self.engine, self.image.tag, self.new_folder(), owner or self.owner)

    def start(self, process: Process, *command: str, **settings: str) -> Container:
        """A container of one of the deployment's processes, with just the settings that it has there."""
        ports = {"WORKER_METRICS_PORT": str(free_port())}
        extras = {name: value for name, value in settings.items() if name == "ECS_AGENT_URI"}
        container = Container(
            engine=self.engine,
            image=self.image.tag,
            tmp=self.volume(),
            command=command,
            env=environment(process, self.settings | ports | settings) | extras,
        )
        self.running.enter_context(container)
        self.containers.append(container)
        return container
