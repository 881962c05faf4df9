"""Workers that are killed, stopped or hang."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from uuid import UUID

import psutil  # type: ignore[import-untyped, unused-ignore]

from tests.e2e.program import wait_until
from tests.faults.fault import POOL, PROCESS, REDIS_SECONDS, SIGKILL_SECONDS, Fault
from tests.faults.scene import Scene

_BLOWS = 3
_STOPS = 2
_BETWEEN_SECONDS = 2.0
_AT_WORK_SECONDS = 30.0
_STOP_SECONDS = 20.0
_WOKEN_SECONDS = 8.0
"""Longer than a model call takes, so that whatever a woken worker would write is written."""


def claimants(scene: Scene, name: str = "worker") -> list[int]:
    """The worker's processes that have a job, by what the jobs' rows say of who claimed them."""
    rows = scene.query("SELECT claimed_by FROM jobs WHERE state = 'running' AND lease_until > now()")
    pids = {int(row["claimed_by"].split(":")[1]) for row in rows}
    return [child.pid for child in scene.program(name).children() if child.pid in pids]


def wait_until_at_work(scene: Scene) -> int:
    """The process of a worker that has a job now."""
    return wait_until(lambda: claimants(scene), _AT_WORK_SECONDS, "a process of the pool has a job")[0]


def kill_one_at_work(scene: Scene) -> None:
    """SIGKILL for a process of the pool: only a sweep finds its job."""
    pid = wait_until_at_work(scene)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()


def _kill_processes(scene: Scene) -> None:
    for blow in range(_BLOWS):
        if blow:
            time.sleep(_BETWEEN_SECONDS)
        kill_one_at_work(scene)


def _kill_workers(scene: Scene) -> None:
    for _ in range(_BLOWS):
        wait_until_at_work(scene)
        scene.kill("worker")


def _stop_workers(scene: Scene) -> None:
    for _ in range(_STOPS):
        wait_until_at_work(scene)
        program = scene.program("worker")
        program.terminate()
        assert program.wait(_STOP_SECONDS) is not None, "the worker does not stop"


def _freeze_worker(scene: Scene) -> None:
    wait_until_at_work(scene)
    scene.freeze("worker")
    scene.stack.launch("second", WORKER_METRICS_PORT="0")


def _wake_worker(scene: Scene) -> None:
    """What its successor did must stay as it is."""
    before = _written_at(scene)
    scene.thaw("worker")
    time.sleep(_WOKEN_SECONDS)
    after = _written_at(scene)
    assert all(after[id_] == at for id_, at in before.items()), "the woken worker wrote over its successor"


def _written_at(scene: Scene) -> dict[UUID, datetime]:
    rows = scene.query("SELECT id, finished_at FROM jobs WHERE finished_at IS NOT NULL")
    return {row["id"]: row["finished_at"] for row in rows}


FAULTS = (
    Fault(
        name="pool-process-killed",
        does=f"SIGKILL for a process of the worker's pool while it has a job, {_BLOWS} times",
        strike=_kill_processes,
        bound=SIGKILL_SECONDS,
        window=_BLOWS * PROCESS,
        window_is="the calls under way in each killed process",
    ),
    Fault(
        name="worker-killed",
        does=f"SIGKILL for the worker with its pool at work, {_BLOWS} times; it is started again each time",
        strike=_kill_workers,
        bound=SIGKILL_SECONDS,
        window=_BLOWS * POOL,
        window_is="the calls under way in each killed worker",
        may_restart=frozenset({"worker"}),
    ),
    Fault(
        name="worker-stopped",
        does=f"SIGTERM for the worker at work, {_STOPS} times; it is started again each time",
        strike=_stop_workers,
        bound=SIGKILL_SECONDS,
        may_restart=frozenset({"worker"}),
    ),
    Fault(
        name="worker-hangs",
        does="SIGSTOP for the worker with its pool at work, a second one is started; later SIGCONT",
        strike=_freeze_worker,
        bound=SIGKILL_SECONDS,
        window=POOL,
        window_is="the calls under way in the worker that hangs",
        afterwards=_wake_worker,
    ),
    Fault(
        name="connections-forgotten",
        does="all connections to Redis fall silent and stay open, as a NAT forgets them; new ones pass",
        strike=lambda scene: scene.to_valkey.strand(),
        bound=REDIS_SECONDS,
    ),
)
