"""What each function and container is told by its environment, as the templates say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.processes import GIVEN, Process
from tests.infra.aws.deployment import Deployment

LAMBDA_EXTRAS = {"SSL_CERT_FILE", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}
"""What libraries read, and not Rootnote's settings. ECS adds its own by itself."""

FUNCTIONS = frozenset(
    {Process.API, Process.BUFFERED_EVENTS, Process.LOG_EVENTS, Process.BACKLOG_METRIC, Process.MIGRATE}
)
CONTAINERS = frozenset(Process) - FUNCTIONS


@dataclass(frozen=True, kw_only=True)
class Told:
    stack: str
    values: Mapping[str, str]
    secrets: Mapping[str, str]
    """Name -> where ECS takes the value from when a task starts."""

    @property
    def names(self) -> set[str]:
        return {*self.values, *self.secrets}


def process_of(handler: str) -> Process:
    """`handlers.NAME.handler` is the process NAME. Raises ValueError for any other."""
    package, name, function = handler.split(".")
    if (package, function) != ("handlers", "handler"):
        raise ValueError(handler)
    return Process(name)


def told(deployment: Deployment) -> dict[Process, Told]:
    return dict(_functions(deployment)) | dict(_containers(deployment))


def _functions(deployment: Deployment) -> Iterator[tuple[Process, Told]]:
    for function in deployment.resources("AWS::Lambda::Function"):
        values = function.properties["Environment"]["Variables"]
        yield (
            process_of(function.properties["Handler"]),
            Told(stack=function.stack, values=values, secrets={}),
        )


def _containers(deployment: Deployment) -> Iterator[tuple[Process, Told]]:
    for task in deployment.resources("AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            yield (
                Process(container["Name"]),
                Told(
                    stack=task.stack,
                    values={one["Name"]: one["Value"] for one in container["Environment"]},
                    secrets={one["Name"]: one["ValueFrom"] for one in container.get("Secrets", [])},
                ),
            )


def faults(deployment: Deployment) -> list[str]:
    """Where templates and `core.processes.GIVEN` differ, each with its name; empty where they agree."""
    found = []
    for process, said in told(deployment).items():
        wanted = {name.upper() for name in GIVEN[process]}
        allowed = wanted | (LAMBDA_EXTRAS if process in FUNCTIONS else set())
        found += [f"{process} lacks {name} in stack {said.stack}" for name in sorted(wanted - said.names)]
        found += [
            f"{process} is told {name} in stack {said.stack}, which core.processes does not give it"
            for name in sorted(said.names - allowed)
        ]
    return found
