"""Workers that are killed, stopped or hang."""

from __future__ import annotations

import contextlib
import time

import psutil  # type: ignore[import-untyped, unused-ignore]

from tests.e2e.program import wait_until
from tests.faults.fault import SIGKILL_SECONDS, Fault
from tests.faults.scene import Scene

_BLOWS = 3
_BETWEEN_SECONDS = 2.0


def _kill_a_child_at_work(scene: Scene) -> None:
    """One that has a job, by what the job's row says of who claimed it."""

    def claimants() -> list[int]:
        rows = scene.query("SELECT claimed_by FROM jobs WHERE state = 'running'")
        pids = {int(row["claimed_by"].split(":")[1]) for row in rows}
        return [child.pid for child in scene.program("worker").children() if child.pid in pids]

    pid = wait_until(claimants, 20, "a process of the pool has a job")[0]
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()


def _kill_children(scene: Scene) -> None:
    for blow in range(_BLOWS):
        if blow:
            time.sleep(_BETWEEN_SECONDS)
        _kill_a_child_at_work(scene)


FAULTS = (
    Fault(
        name="pool-process-killed",
        does=f"SIGKILL for a process of the worker's pool while it has a job, {_BLOWS} times",
        strike=_kill_children,
        bound=SIGKILL_SECONDS,
        window=_BLOWS,
        window_is="the call under way in each killed process",
    ),
)
