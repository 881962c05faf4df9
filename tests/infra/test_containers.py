"""Finding an engine, and what pip is told in a build: with programs that say what the real ones say."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from infra.containers import podman
from infra.containers.base import Base, find_base, native_platform, official_name
from infra.containers.engine import Engine, Kind, find_engine
from infra.containers.errors import ContainerError, Unavailable
from infra.containers.image import build_worker
from infra.containers.pip_settings import build_secrets, read_settings, settings_in_build
from tests.conftest import ROOT

DAEMON = '[ "$1" = --version ] && echo "Docker version 28.2.2" || echo 28.2.2'
NO_DAEMON = '[ "$1" = --version ] && echo "Docker version 28.2.2" || exit 1'
SHIM = 'echo "podman version 4.3.1"'
PODMAN = "echo 4.3.1"


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def find(tmp_path: Path, **scripts: str) -> Engine:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in scripts.items():
        program(programs, name, script)
    return find_engine(tmp_path / "state", {"PATH": str(programs)})


@pytest.mark.parametrize(
    ("scripts", "kind", "version"),
    [
        ({"docker": DAEMON, "podman": PODMAN}, Kind.DOCKER, "28.2.2"),
        ({"docker": NO_DAEMON, "podman": PODMAN}, Kind.PODMAN, "4.3.1"),
        ({"docker": SHIM, "podman": PODMAN}, Kind.PODMAN, "4.3.1"),
        ({"podman": PODMAN}, Kind.PODMAN, "4.3.1"),
    ],
)
def test_docker_where_its_daemon_answers_else_podman(
    tmp_path: Path, scripts: dict[str, str], kind: Kind, version: str
) -> None:
    engine = find(tmp_path, **scripts)
    assert (engine.kind, engine.version) == (kind, version)


@pytest.mark.parametrize(
    ("scripts", "problems"),
    [
        ({}, "there is no docker, there is no podman"),
        ({"docker": NO_DAEMON}, "docker's daemon does not answer, there is no podman"),
        ({"podman": "exit 125"}, "there is no docker, podman does not answer"),
    ],
)
def test_a_machine_without_one_is_told_what_to_do(
    tmp_path: Path, scripts: dict[str, str], problems: str
) -> None:
    with pytest.raises(Unavailable) as raised:
        find(tmp_path, **scripts)
    assert str(raised.value) == (
        f"no container engine ({problems}); on Debian or Ubuntu: make container-engine (as root)"
    )


def test_a_failure_ends_with_what_the_engine_said(tmp_path: Path) -> None:
    engine = find(tmp_path, podman='[ "$1" = version ] && echo 4 || { echo one; echo two >&2; exit 125; }')
    with pytest.raises(ContainerError, match=r"^podman pull failed \(125\):\ntwo$"):
        engine.call("pull", "x", seconds=10)


def test_an_engine_that_hangs_is_given_up(tmp_path: Path) -> None:
    engine = find(tmp_path, podman='[ "$1" = version ] && echo 4 || exec /bin/sleep 60')
    with pytest.raises(ContainerError, match=r"^podman pull did not end within 0\.2 s$"):
        engine.call("pull", "x", seconds=0.2)


def test_podman_as_root_keeps_to_its_folder(tmp_path: Path) -> None:
    told = podman.own_settings(tmp_path / "state", str(tmp_path))
    assert {Path(file).parent for file in told.values()} == {tmp_path / "state"}
    storage = Path(told["CONTAINERS_STORAGE_CONF"]).read_text()
    assert f'graphroot = "{tmp_path}/state/storage"' in storage
    assert 'cgroup_manager = "cgroupfs"' in Path(told["CONTAINERS_CONF"]).read_text()


OS, ARCHITECTURE = native_platform().split("/")
HERE = f"""'image inspect') echo '[{{"Os": "{OS}", "Architecture": "{ARCHITECTURE}"}}]';;"""
HERE_FOR_ANOTHER = """'image inspect') echo '[{"Os": "linux", "Architecture": "riscv64"}]';;"""


def base_of(tmp_path: Path, script: str, platform: str = native_platform()) -> tuple[Base, list[str]]:
    said: list[str] = []
    engine = find(tmp_path, podman=f'case "$1 $2" in version*) echo 4;; {script} *) exit 1;; esac')
    return find_base(engine, "python:3.11-slim", platform=platform, say=said.append, show=False), said


def test_the_official_base_is_taken_when_it_is_here(tmp_path: Path) -> None:
    base, said = base_of(tmp_path, f"{HERE} run*);;")
    assert base == Base(name="python:3.11-slim", is_stand_in=False)
    assert said == []


@pytest.mark.parametrize("here", ["", HERE_FOR_ANOTHER])
def test_it_is_pulled_where_a_registry_has_it(tmp_path: Path, here: str) -> None:
    base, said = base_of(tmp_path, f"{here} 'manifest inspect');; 'pull --platform');; run*);;")
    assert not base.is_stand_in
    assert said == [f"pulling python:3.11-slim for {native_platform()}"]


def test_without_a_registry_and_mmdebstrap_there_is_no_base(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"no mmdebstrap .*make container-engine"):
        base_of(tmp_path, "")


def test_a_stand_in_is_for_this_machine_only(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="a stand-in for linux/riscv64 cannot be made"):
        base_of(tmp_path, "", platform="linux/riscv64")


def test_an_engine_that_may_not_run_containers_is_none(tmp_path: Path) -> None:
    script = f"{HERE} run*) echo 'operation not permitted' >&2; exit 126;;"
    with pytest.raises(
        Unavailable, match=r"podman cannot run containers for .* here: operation not permitted"
    ):
        base_of(tmp_path, script)


def test_the_dockerfile_names_its_base() -> None:
    assert official_name(ROOT / "Dockerfile.worker") == "python:3.11-slim"


def test_an_unknown_platform_is_refused(tmp_path: Path) -> None:
    engine = find(tmp_path, podman=PODMAN)
    with pytest.raises(ContainerError, match="not windows/amd64"):
        build_worker(engine, ROOT, platform="windows/amd64", say=print)


def test_pips_own_settings_are_read_with_its_precedence(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://one.invalid/simple\ntimeout = 7\nretries = 3\n")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": str(file),
        "PIP_INDEX_URL": "https://two.invalid/simple",
        "PIP_DEFAULT_TIMEOUT": "9",
    }
    settings = read_settings(environ)
    wanted = {"index-url": "https://two.invalid/simple", "timeout": "9", "retries": "3"}
    assert wanted.items() <= settings.items()


def test_places_on_this_machine_are_left_out() -> None:
    settings = {
        "index-url": "https://one.invalid/simple",
        "extra-index-url": "file:///srv/simple https://two.invalid/simple",
        "find-links": "/srv/wheels",
        "cache-dir": "/home/someone/.cache",
        "cert": "/etc/ssl/own.pem",
    }
    assert settings_in_build(settings, has_ca=True).splitlines() == [
        "[global]",
        "index-url = https://one.invalid/simple",
        "extra-index-url = https://two.invalid/simple",
        "cert = /run/secrets/ca.pem",
        "",
    ]
    assert settings_in_build({"find-links": "/srv/wheels"}, has_ca=False) == ""


def test_certificates_that_programs_are_told_of_go_into_the_build(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("certificates")
    environ = {"PATH": "", "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, "SSL_CERT_FILE": str(ca)}
    with build_secrets(environ) as options:
        told = dict(option.partition(",src=")[::2] for option in options if option != "--secret")
        assert told["id=ca.pem"] == str(ca)
        file = Path(told["id=pip.conf"])
        assert "cert = /run/secrets/ca.pem" in file.read_text()
    assert not file.exists()


def test_no_settings_are_no_secrets(tmp_path: Path) -> None:
    environ = {"PATH": "", "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    with build_secrets(environ) as options:
        assert options == []
