"""The bridge that Lambda's containers are on: as podman or docker tells of it."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import Any

from infra.containers.engine import Engine
from infra.containers.errors import ContainerError

_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Network:
    """`gateway` is this machine's own address on the bridge."""

    name: str
    gateway: str
    subnet: ipaddress.IPv4Network


def inspect(engine: Engine, name: str) -> Network:
    """Raises ContainerError where there is none, or none with an IPv4 address."""
    [told] = json.loads(engine.call("network", "inspect", name, seconds=_SECONDS))
    for subnet, gateway in _subnets(told):
        found = ipaddress.ip_network(subnet)
        if isinstance(found, ipaddress.IPv4Network) and gateway:
            return Network(name=name, gateway=gateway, subnet=found)
    raise ContainerError(f"the network {name} of {engine.kind} has no IPv4 address")


def _subnets(told: dict[str, Any]) -> list[tuple[str, str]]:
    if "IPAM" in told:
        return [(part["Subnet"], part.get("Gateway", "")) for part in told["IPAM"]["Config"] or []]
    return [(part["subnet"], part.get("gateway", "")) for part in told.get("subnets") or []]
