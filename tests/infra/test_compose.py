"""compose.yaml: commands and variables that the code knows, no secret in it, nothing open to the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.infra.commands import QUEUES, check_command
from tests.infra.settings_names import KNOWN, OTHERS

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]


def test_all_parts_are_there_and_ours_are_one_image() -> None:
    assert set(SERVICES) == {
        "postgres",
        "valkey",
        "migrate",
        "api",
        "worker",
        "maintenance",
        "beat",
        "flower",
    }
    assert {SERVICES[name]["image"] for name in OURS} == {"rootnote:local"}
    assert {SERVICES[name]["build"]["dockerfile"] for name in OURS} == {"Dockerfile.worker"}


@pytest.mark.parametrize("name", SERVICES)
def test_variables_are_known_and_secrets_come_from_outside(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    assert set(environment) <= KNOWN | OTHERS
    for variable, value in environment.items():
        if variable.endswith(("_PASSWORD", "_KEY", "_TOKEN")):
            assert value == "" or re.fullmatch(r"\$\{\w+:\?[^}]+\}", value)
        if variable.endswith("_URL"):
            assert re.fullmatch(r"\w+://(\w+:\$\{\w+:\?[^}]+\}@)?\w+:\d+/\w+", value)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_locked_down_and_their_commands_are_understood(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    command = service["command"]
    if command[:2] == ["python", "-c"]:
        command = command[3:]
    check_command(command)


@pytest.mark.parametrize(("password", "code"), [("user:password", 0), ("", 1)])
def test_flower_does_not_start_without_a_password(tmp_path: Path, password: str, code: int) -> None:
    starter = SERVICES["flower"]["command"][1:3]
    done = subprocess.run(
        [sys.executable, *starter, "true"],
        env={"PATH": os.environ["PATH"], "FLOWER_BASIC_AUTH": password},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, "FLOWER_BASIC_AUTH" in done.stderr) == (code, code == 1)


@pytest.mark.parametrize("name", SERVICES)
def test_each_restarts_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    if name == "migrate":
        assert (service["restart"], service["healthcheck"]) == ("no", {"disable": True})
        return
    assert service["restart"] == "unless-stopped"
    kind, *command = service["healthcheck"]["test"]
    assert kind in {"CMD", "CMD-SHELL"}
    if name in OURS:
        check_command(command)


def test_every_queue_is_served() -> None:
    commands = [" ".join(service.get("command", [])) for service in SERVICES.values()]
    for queue in set().union(*QUEUES):
        assert any("--queues=" in command and queue in command for command in commands)


def test_nothing_starts_before_the_tables_are_there() -> None:
    for name in ("api", "worker", "maintenance", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_a_container_is_not_loopback_to_its_host_so_keys_are_required() -> None:
    assert SERVICES["api"]["environment"]["AUTH"] == "required"


def test_only_the_worker_has_the_models_keys() -> None:
    for name in OURS:
        blanked = {k for k, v in SERVICES[name]["environment"].items() if v == ""}
        assert blanked == (set() if name == "worker" else {"OPENAI_API_KEY", "GEMINI_API_KEY"})


def test_a_worker_has_longer_to_leave_than_it_takes() -> None:
    assert SERVICES["worker"]["stop_grace_period"] == "120s"


def test_every_volume_is_declared() -> None:
    used = {
        volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])
    }
    assert used == set(COMPOSE["volumes"])
