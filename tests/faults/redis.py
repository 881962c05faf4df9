"""Redis goes away, forgets, falls silent, breaks off, or is full."""

from __future__ import annotations

import os
import signal
import time

from redis import Redis

from tests.faults.fault import REDIS_SECONDS, Fault
from tests.faults.scene import Scene

_AWAY_SECONDS = 8.0
_SILENT_SECONDS = 12.0
"""Longer than the 5 s that a worker waits for an answer."""
_WIPES = 3
_BETWEEN_WIPES_SECONDS = 2.0
_RESETS = 20
_BETWEEN_RESETS_SECONDS = 0.5
_BYTES_BEFORE_RESET = 2_000
_FULL_SECONDS = 10.0


def _stop(scene: Scene) -> None:
    scene.valkey.stop()
    time.sleep(_AWAY_SECONDS)
    scene.valkey.start()


def _kill(scene: Scene) -> None:
    """What came since the last snapshot is lost."""
    os.kill(scene.valkey.pid, signal.SIGKILL)
    _stop(scene)


def _wipe(scene: Scene) -> None:
    with Redis.from_url(scene.valkey.url) as client:
        for _ in range(_WIPES):
            client.flushall()
            time.sleep(_BETWEEN_WIPES_SECONDS)


def _freeze(scene: Scene) -> None:
    os.kill(scene.valkey.pid, signal.SIGSTOP)
    try:
        time.sleep(_SILENT_SECONDS)
    finally:
        os.kill(scene.valkey.pid, signal.SIGCONT)


def _swallow(scene: Scene) -> None:
    """At its end the network has forgotten the connections: they are reset, as by a NAT."""
    scene.to_valkey.swallow()
    time.sleep(_SILENT_SECONDS)
    scene.to_valkey.reset()
    scene.to_valkey.pass_on()


def _reset(scene: Scene) -> None:
    """All at once, again and again; and every connection in the middle of what it reads."""
    scene.to_valkey.bytes_before_reset = _BYTES_BEFORE_RESET
    for _ in range(_RESETS):
        time.sleep(_BETWEEN_RESETS_SECONDS)
        scene.to_valkey.reset()
    scene.to_valkey.pass_on()


def _fill(scene: Scene) -> None:
    with Redis.from_url(scene.valkey.url) as client:
        client.config_set("maxmemory", "1")
        try:
            time.sleep(_FULL_SECONDS)
        finally:
            client.config_set("maxmemory", "0")


FAULTS = (
    Fault(
        name="redis-stopped",
        does=f"Redis is stopped for {_AWAY_SECONDS:.0f} s",
        strike=_stop,
        bound=REDIS_SECONDS,
    ),
    Fault(
        name="redis-killed",
        does=f"SIGKILL for Redis, which is away for {_AWAY_SECONDS:.0f} s and comes back with old data",
        strike=_kill,
        bound=REDIS_SECONDS,
    ),
    Fault(
        name="redis-wiped",
        does=f"FLUSHALL, {_WIPES} times",
        strike=_wipe,
        bound=REDIS_SECONDS,
    ),
    Fault(
        name="redis-frozen",
        does=f"Redis accepts connections and answers nothing for {_SILENT_SECONDS:.0f} s (SIGSTOP)",
        strike=_freeze,
        bound=REDIS_SECONDS,
    ),
    Fault(
        name="redis-swallowed",
        does=f"the network to Redis swallows everything for {_SILENT_SECONDS:.0f} s, then resets all",
        strike=_swallow,
        bound=REDIS_SECONDS,
    ),
    Fault(
        name="redis-reset",
        does=f"all connections to Redis are reset {_RESETS} times in "
        f"{_RESETS * _BETWEEN_RESETS_SECONDS:.0f} s, and each after {_BYTES_BEFORE_RESET:,} bytes",
        strike=_reset,
        bound=REDIS_SECONDS,
    ),
    Fault(
        name="redis-full",
        does=f"Redis has no memory left for {_FULL_SECONDS:.0f} s and evicts nothing",
        strike=_fill,
        bound=REDIS_SECONDS,
    ),
)
