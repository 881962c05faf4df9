"""The tasks on ECS: locked down, told the documented commands, and stopped with patience."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from core.processes import Process
from tests.conftest import ROOT
from tests.infra.aws.deployment import IMAGE, Deployment
from tests.infra.aws.told import CONTAINERS
from tests.infra.commands import check_command

DEPLOYMENT = Deployment()
TASKS = {task.name: task.properties for task in DEPLOYMENT.resources("AWS::ECS::TaskDefinition")}
BY_NAME: dict[str, dict[str, Any]] = {
    container["Name"]: container for task in TASKS.values() for container in task["ContainerDefinitions"]
}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def documented() -> dict[str, str]:
    """Process -> command, of the table in docs/operations.md."""
    rows = re.findall(
        r"^\| (\w+) \| `([^`]+)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
    )
    return dict(rows)


def service(name: str, deployment: Deployment = DEPLOYMENT) -> dict[str, Any]:
    return deployment.find(f"Worker.{name}").properties


def test_containers_are_the_processes_and_beat_is_with_maintenance() -> None:
    assert set(BY_NAME) == set(CONTAINERS)
    together = {name: [c["Name"] for c in task["ContainerDefinitions"]] for name, task in TASKS.items()}
    assert together == {"WorkerTask": ["worker"], "BeatTask": ["beat", "maintenance"]}
    # When one of the two dies, both start anew.
    assert all(container["Essential"] is True for container in BY_NAME.values())


@pytest.mark.parametrize("name", CONTAINERS)
def test_commands_are_the_documented_ones(name: str) -> None:
    command = BY_NAME[name]["Command"]
    expected = documented()[name]
    if name == Process.WORKER:
        expected += " --concurrency=2"
    assert " ".join(command) == expected
    assert "EntryPoint" not in BY_NAME[name]
    check_command(command)


def test_a_worker_works_as_many_jobs_as_the_metric_counts_on() -> None:
    deployment = Deployment({"WorkerConcurrency": "5", "JobsPerProcess": "7"})
    (container,) = deployment.find("Worker.WorkerTask").properties["ContainerDefinitions"]
    assert "--concurrency=5" in container["Command"]
    metric = deployment.find("Api.BacklogMetricFunction").properties["Environment"]["Variables"]
    assert (metric["WORKER_CONCURRENCY"], metric["JOBS_PER_PROCESS"]) == ("5", "7")
    assert {"Name": "JOBS_PER_PROCESS", "Value": "7"} in container["Environment"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_health_is_asked_as_under_compose(name: str) -> None:
    check, composed = BY_NAME[name]["HealthCheck"], COMPOSE[name]["healthcheck"]
    assert check["Command"] == composed["test"]
    check_command(check["Command"][1:])
    seconds = {key: int(composed[key].removesuffix("s")) for key in ("interval", "timeout", "start_period")}
    assert (check["Interval"], check["Timeout"], check["StartPeriod"]) == tuple(seconds.values())
    assert check["Retries"] == composed["retries"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_are_locked_down(name: str) -> None:
    container = BY_NAME[name]
    assert container["Image"] == IMAGE
    assert container["User"] == "10001:10001"
    assert f"USER {container['User']}" in (ROOT / "Dockerfile.worker").read_text()
    assert container["ReadonlyRootFilesystem"] is True
    assert "Privileged" not in container
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


@pytest.mark.parametrize("name", CONTAINERS)
def test_only_tmp_can_be_written_and_is_its_own(name: str) -> None:
    """The path is the image's VOLUME, which gives it its owner; see tests/infra/test_dockerfile.py."""
    [mount] = BY_NAME[name]["MountPoints"]
    assert mount == {"SourceVolume": f"{name}-tmp", "ContainerPath": "/tmp"}
    volumes = [volume for task in TASKS.values() for volume in task["Volumes"]]
    assert {"Name": f"{name}-tmp"} in volumes
    assert "Tmpfs" not in BY_NAME[name]["LinuxParameters"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_there_is_more_time_to_leave_than_the_code_takes(name: str) -> None:
    container = BY_NAME[name]
    # The longest that Fargate grants.
    assert container["StopTimeout"] == 120
    environment = {one["Name"]: one["Value"] for one in container["Environment"]}
    if name != Process.BEAT:
        assert float(environment["SHUTDOWN_GRACE"]) + 20 <= container["StopTimeout"]
    # SIGTERM reaches Celery by the init; as process 1 it would not hear it while it starts.
    assert container["LinuxParameters"]["InitProcessEnabled"] is True
    assert container["Command"][0] == "celery"


@pytest.mark.parametrize("name", CONTAINERS)
def test_logs_never_stop_the_work(name: str) -> None:
    log = BY_NAME[name]["LogConfiguration"]
    assert (log["LogDriver"], log["Options"]["mode"]) == ("awslogs", "non-blocking")


def test_tasks_are_fargates_and_of_the_images_architecture() -> None:
    for architecture, expected in (("arm64", "ARM64"), ("x86_64", "X86_64")):
        for task in Deployment({"Architecture": architecture}).resources("AWS::ECS::TaskDefinition"):
            platform = {"OperatingSystemFamily": "LINUX", "CpuArchitecture": expected}
            assert task.properties["RuntimePlatform"] == platform
            assert task.properties["RequiresCompatibilities"] == ["FARGATE"]
            assert task.properties["NetworkMode"] == "awsvpc"


def test_there_are_never_two_beats() -> None:
    beat = service("BeatService")
    assert beat["DesiredCount"] == 1
    deployment = beat["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (0, 100)
    assert beat["CapacityProviderStrategy"] == [{"CapacityProvider": "FARGATE", "Weight": 1}]


def test_how_many_workers_run_is_left_to_autoscaling() -> None:
    worker = service("WorkerService")
    assert "DesiredCount" not in worker
    deployment = worker["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)


@pytest.mark.parametrize("name", ["WorkerService", "BeatService"])
def test_a_deployment_that_does_not_start_is_rolled_back(name: str) -> None:
    found = service(name)
    breaker = {"Enable": True, "Rollback": True}
    assert found["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == breaker
    assert found["EnableExecuteCommand"] is False
    # Celery's tasks are not moved between zones for the balance's sake.
    assert found["AvailabilityZoneRebalancing"] == "DISABLED"


@pytest.mark.parametrize("percent", [0, 25, 50, 75, 100])
def test_spot_takes_its_share_after_the_first_task(percent: int) -> None:
    deployment = Deployment({"SpotWeight": str(percent)})
    first, *spot = service("WorkerService", deployment)["CapacityProviderStrategy"]
    assert first == {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 100 - percent}
    wanted = [{"CapacityProvider": "FARGATE_SPOT", "Weight": str(percent)}] if percent else []
    assert spot == wanted
    cluster = deployment.find("Worker.Cluster").properties
    assert cluster["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


FARGATE = {
    256: {512, 1024, 2048},
    512: set(range(1024, 4097, 1024)),
    1024: set(range(2048, 8193, 1024)),
    2048: set(range(4096, 16385, 1024)),
}
"""CPU -> memory in MB that Fargate grants with it."""


def test_the_rules_of_the_root_let_through_the_pairs_that_fargate_has() -> None:
    template = DEPLOYMENT.root.template
    offered = set(template["Parameters"]["WorkerMemory"]["AllowedValues"])
    for cpu in template["Parameters"]["WorkerCpu"]["AllowedValues"]:
        rule = template["Rules"][f"MemoryOf{cpu}"]
        assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "WorkerCpu"}, str(cpu)]}
        (assertion,) = rule["Assertions"]
        allowed, reference = assertion["Assert"]["Fn::Contains"]
        assert reference == {"Ref": "WorkerMemory"}
        assert set(map(int, allowed)) == FARGATE[cpu] & offered
    beat = TASKS["BeatTask"]
    assert beat["Memory"] in FARGATE[beat["Cpu"]]
