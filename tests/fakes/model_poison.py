"""A prompt that kills whoever sends it: the process at the other end of the connection, found by its port."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped, unused-ignore]


@dataclass(frozen=True, kw_only=True, slots=True)
class Poison:
    """`text` is what the prompt has in it. `kills`: `process`, or `group` for the process's whole group,
    which for a worker's pool process is the worker."""

    text: str
    kills: str

    def __post_init__(self) -> None:
        if not self.text or self.kills not in {"process", "group"}:
            raise ValueError("a poison needs a text, and kills a process or a group")

    def strike(self, *, port: int, our_port: int) -> None:
        """SIGKILL for the process of this machine whose connection goes from `port` to `our_port`."""
        for pid in _owners(port, our_port):
            with contextlib.suppress(ProcessLookupError):
                if self.kills == "process":
                    os.kill(pid, signal.SIGKILL)
                elif os.getpgid(pid) != os.getpgrp():
                    os.killpg(os.getpgid(pid), signal.SIGKILL)


def _owners(port: int, our_port: int) -> set[int]:
    return {
        connection.pid
        for connection in psutil.net_connections("tcp4")
        if connection.raddr
        and (connection.laddr.port, connection.raddr.port) == (port, our_port)
        and connection.pid is not None
    }
