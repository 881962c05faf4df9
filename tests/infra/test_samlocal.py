"""The parts of `make sam-local` that need neither SAM nor an engine."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.containers.engine import Engine, Kind
from infra.containers.errors import ContainerError
from infra.samlocal import image, sam
from infra.samlocal.network import Network, inspect
from infra.samlocal.places import Places
from infra.samlocal.relay import Relay, is_loopback
from tests.conftest import ROOT

HERE = Network(name="here", gateway="127.0.0.1", subnet=ipaddress.IPv4Network("127.0.0.0/8"))
ELSEWHERE = Network(name="elsewhere", gateway="127.0.0.1", subnet=ipaddress.IPv4Network("10.89.0.0/24"))
SECONDS = 10


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says once what it was told."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(connection.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(SECONDS)


@pytest.mark.parametrize(("network", "answer"), [(HERE, b"PING"), (ELSEWHERE, b"")])
def test_a_relay_serves_its_own_bridge_and_nobody_else(echo: int, network: Network, answer: bytes) -> None:
    relay = Relay(network, lambda: f"redis://:secret@localhost:{echo}/3?a=b", default_port=6379)
    relay.start()
    try:
        where = relay.url.removeprefix("redis://:secret@127.0.0.1:").removesuffix("/3?a=b")
        with socket.create_connection(("127.0.0.1", int(where)), timeout=SECONDS) as connection:
            try:
                connection.sendall(b"PING")
                said = connection.recv(100)
            except ConnectionError:
                said = b""
    finally:
        relay.stop()
    assert said == answer
    assert not relay.is_alive()


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("postgresql://me@127.0.0.1:5432/x", True),
        ("redis://localhost", True),
        ("redis://[::1]:6379/0", True),
        ("postgresql://me@db.example.com/x", False),
        ("postgresql://me@10.0.0.1/x", False),
    ],
)
def test_only_what_this_machine_keeps_to_itself_is_relayed(url: str, *, loopback: bool) -> None:
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    "told",
    [
        [
            {
                "IPAM": {
                    "Config": [{"Subnet": "fd00::/64"}, {"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]
                }
            }
        ],
        [{"subnets": [{"subnet": "172.17.0.0/16", "gateway": "172.17.0.1"}]}],
    ],
)
def test_both_engines_tell_of_a_bridge(tmp_path: Path, told: list[object]) -> None:
    found = inspect(engine_that_says(tmp_path, json.dumps(told)), "bridge")
    assert (found.gateway, str(found.subnet)) == ("172.17.0.1", "172.17.0.0/16")


def test_a_bridge_without_an_address_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match="the network bridge of podman has no IPv4 address"):
        inspect(engine_that_says(tmp_path, '[{"subnets": null}]'), "bridge")


def test_the_stand_ins_packages_are_pinned_with_hashes_and_without_conditions() -> None:
    pins = image.pins(ROOT / "requirements/dev.txt")
    names = {line.partition("==")[0] for line in pins.splitlines() if "==" in line}
    assert {"awslambdaric", "boto3", "botocore", "async-timeout"} <= names
    assert pins.count("--hash=sha256:") >= len(names)
    assert ";" not in pins


def test_functions_are_given_neither_credentials_nor_proxies(tmp_path: Path) -> None:
    session = sam.Session(
        target="LambdaRuntime=python3.11 Architecture=arm64", image=None, docker_host="unix:///x"
    )
    mine = {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_PROFILE": "work",
        "HTTPS_PROXY": "http://proxy",
        "DATABASE_URL": "postgresql://production/x",
        "HOME": "/home/me",
    }
    given = sam.environment(Places(root=tmp_path), session, mine)
    assert (given["PATH"], given["DOCKER_HOST"]) == ("/bin", "unix:///x")
    assert not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "HTTPS_PROXY", "DATABASE_URL"} & given.keys()
    assert given["HOME"].startswith(str(tmp_path))


def test_every_variable_that_is_blanked_or_given_is_one_of_the_templates() -> None:
    templates = (ROOT / "infra/api.yaml").read_text() + (ROOT / "infra/migrations.yaml").read_text()
    for name in sam.function_variables(database_url="d", redis_url="r")["Parameters"]:
        assert f" {name}: " in templates, name


def engine_that_says(folder: Path, text: str) -> Engine:
    program = folder / "podman"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
    program.chmod(0o755)
    return Engine(kind=Kind.PODMAN, program=str(program), version="4", env={"PATH": "/usr/bin:/bin"})
