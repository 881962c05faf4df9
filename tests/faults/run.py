"""One fault from a well scene to its verdict."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tests.faults.facts import find
from tests.faults.fault import Fault, Unavailable
from tests.faults.load import Load
from tests.faults.probe import Probe
from tests.faults.scene import Scene
from tests.faults.verdict import Facts, Promise, Verdict, judge

RATE = 10.0
"""Requests a second."""
_LEAD_SECONDS = 4.0
_TAIL_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0
"""Beyond the bound: a table says how late, not only that it was."""
_POLL_SECONDS = 0.2


def run(fault: Fault, scene: Scene, *, seed: int, say: Callable[[str], None]) -> Verdict:
    """Load, blow, recovery, quiet, verdict. An AssertionError of the fault's is a broken promise."""
    promise = Promise(bound=fault.bound, window=fault.window, may_restart=fault.may_restart)
    try:
        scene.restore()
        found = _live_through(fault, scene, seed=seed, say=say)
    except Unavailable as exc:
        return Verdict(name=fault.name, does=fault.does, bound=fault.bound, not_run=str(exc))
    except AssertionError as exc:
        said = str(exc).splitlines()[0] if str(exc) else "an assertion"
        return Verdict(name=fault.name, does=fault.does, bound=fault.bound, broken=(said,))
    return replace(judge(fault.name, fault.does, promise, found), window_is=fault.window_is)


def _live_through(fault: Fault, scene: Scene, *, seed: int, say: Callable[[str], None]) -> Facts:
    began_at = time.time()
    project_key = f"load-{fault.name}-{began_at:.0f}"
    with Load(scene.stack.url, project_key=project_key, seed=f"{seed}-{fault.name}", rate=RATE) as load:
        time.sleep(_LEAD_SECONDS)
        fault.strike(scene)
        struck = time.monotonic()
        say("struck")
        recovered = seconds_to_recover(scene, patience=fault.bound + _PATIENCE_SECONDS)
        say("not recovered" if recovered is None else f"recovered in {recovered:.1f} s")
        time.sleep(max(0, _TAIL_SECONDS - (time.monotonic() - struck)))
    fault.afterwards(scene)
    _wait_until_quiet(scene, fault.bound)
    return find(scene, load.sent(), began_at=began_at, recovered=recovered)


def seconds_to_recover(scene: Scene, *, patience: float) -> float | None:
    """From now until both hold: an event that is new, and was accepted after now, is analysed; and of the
    jobs that were made before now none waits or runs any more. None: not within `patience`.

    The first asks whether workers take what comes, the second whether the fault's backlog is worked off.
    Jobs whose subject is excused do not count. Found out five times a second.
    """
    began, began_at = time.monotonic(), time.time()
    probe = Probe(scene)
    while (seconds := time.monotonic() - began) < patience:
        if probe.is_analysed() and not scene.unfinished(made_before=began_at):
            return seconds
        time.sleep(_POLL_SECONDS)
    return None


def _wait_until_quiet(scene: Scene, patience: float) -> None:
    """What is not done by then is found to be stuck."""
    deadline = time.monotonic() + patience + _PATIENCE_SECONDS
    while scene.unfinished() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
