"""A command of the worker's image, run once as a task of its own beside the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infra.deploy.deployment import Deployment
from infra.deploy.errors import DeployError
from infra.deploy.stacks import Stack

CONTAINER = "worker"
_POLL_SECONDS = 3.0
_PATIENCE_SECONDS = 300.0
"""Fargate takes half a minute to start a task, longer when it has to fetch a big image."""
_LAST_LINES = 15


def find_service(deployment: Deployment, stack: Stack, output: str = "WorkerServiceName") -> dict[str, Any]:
    """As ECS describes it. Raises DeployError where it is not there."""
    cluster, name = stack.output("ClusterName"), stack.output(output)
    found = deployment.aws.ecs.describe_services(cluster=cluster, services=[name])["services"]
    if not found:
        raise DeployError(f"there is no service {name} in the cluster {cluster}")
    service: dict[str, Any] = found[0]
    return service


def run_once(deployment: Deployment, stack: Stack, command: Sequence[str]) -> None:
    """Run it where the worker runs and wait for its end. The command is no secret: AWS keeps it for an hour.

    Raises DeployError, with the last lines of its log, unless it ends with 0.
    """
    ecs, console = deployment.aws.ecs, deployment.console
    cluster, service = stack.output("ClusterName"), find_service(deployment, stack)
    started = ecs.run_task(
        cluster=cluster,
        taskDefinition=service["taskDefinition"],
        networkConfiguration=service["networkConfiguration"],
        launchType="FARGATE",
        startedBy="rootnote-deploy",
        overrides={"containerOverrides": [{"name": CONTAINER, "command": list(command)}]},
    )
    if not started["tasks"]:
        why = "; ".join(str(failure.get("reason")) for failure in started.get("failures", []))
        raise DeployError(f"ECS did not start a task: {why or 'it does not say why'}")
    arn = started["tasks"][0]["taskArn"]
    console.say(f"task {arn.rpartition('/')[2]} (half a minute to start, as a rule)")
    task = _wait(deployment, cluster, arn)
    [container] = [each for each in task["containers"] if each["name"] == CONTAINER]
    if container.get("exitCode") == 0:
        return
    for line in _last_lines(deployment, stack, arn.rpartition("/")[2]):
        console.say(f"| {line}")
    if "exitCode" in container:
        raise DeployError(f"the task ended with exit code {container['exitCode']}: its last lines are above")
    why = container.get("reason") or task.get("stoppedReason") or "ECS does not say why"
    raise DeployError(f"the task never ran: {why}")


def _wait(deployment: Deployment, cluster: str, arn: str) -> dict[str, Any]:
    said, waited = "", 0.0
    while True:
        described = deployment.aws.ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        # Just after its start, ECS may not know it yet.
        task: dict[str, Any] = described[0] if described else {"lastStatus": "PROVISIONING"}
        if task["lastStatus"] != said:
            said = task["lastStatus"]
            deployment.console.say(said.lower())
        if said == "STOPPED":
            return task
        if waited >= _PATIENCE_SECONDS:
            deployment.aws.ecs.stop_task(cluster=cluster, task=arn, reason="took too long")
            raise DeployError(f"the task was still {said} after {_PATIENCE_SECONDS:.0f} s and was stopped")
        deployment.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS


def _last_lines(deployment: Deployment, stack: Stack, task_id: str) -> list[str]:
    logs = deployment.aws.logs
    # ECS names a stream PREFIX/CONTAINER/TASK.
    group = f"{stack.output('LogGroupPrefix').rstrip('/')}/{CONTAINER}"
    streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)
    for stream in streams["logStreams"]:
        name = stream.get("logStreamName", "")
        if name.endswith(task_id):
            events = logs.get_log_events(logGroupName=group, logStreamName=name, limit=_LAST_LINES)["events"]
            return [event.get("message", "").rstrip() for event in events]
    return []
