"""Beat and the sweeper: killed, or there twice."""

from __future__ import annotations

import json
import time

import redis

from core.queue import names
from tests.e2e.program import wait_until
from tests.faults.fault import PROCESS, SIGKILL_SECONDS, Fault
from tests.faults.scene import Scene
from tests.faults.workers import kill_one_at_work

_PREFIX = "rootnote:beat:"
_LONG_AGO = {"__type__": "datetime", "year": 2026, "month": 1, "day": 1, "hour": 2, "minute": 0, "second": 0}
_TOGETHER_SECONDS = 12.0
_SWEEPS_SECONDS = 40.0
_RAN = "queued metadata of"
"""What the nightly task logs when it has run."""


def _kill_beat(scene: Scene) -> None:
    kill_one_at_work(scene)
    scene.kill("beat")


def _kill_maintenance(scene: Scene) -> None:
    kill_one_at_work(scene)
    scene.kill("maintenance")


def _wait_for_sweeps(scene: Scene) -> None:
    scene.stack.wait_for_sweeps(2, _SWEEPS_SECONDS)


def _two_beats(scene: Scene) -> None:
    """A nightly run falls due while both run; then the one that has the lock is killed."""
    second = scene.stack.launch("beat-2")
    wait_until(lambda: "beat: Starting" in second.text(), _SWEEPS_SECONDS, "the second beat is up")
    ran_before = _nightly_runs(scene)
    _make_nightly_due(scene)
    wait_until(lambda: _nightly_runs(scene) > ran_before, _SWEEPS_SECONDS, "the nightly task runs")
    time.sleep(_TOGETHER_SECONDS)
    assert _nightly_runs(scene) == ran_before + 1, "the nightly task ran twice"
    kill_one_at_work(scene)
    scene.kill("beat")


def _nightly_runs(scene: Scene) -> int:
    return scene.program("maintenance").text().count(_RAN)


def _make_nightly_due(scene: Scene) -> None:
    """As if beat had been away over night: by RedBeat's own keys, the entry and the order of the due."""
    key = f"{_PREFIX}{names.GENERATE_MISSING_METADATA_NIGHTLY}"
    with redis.Redis.from_url(scene.valkey.url) as client:
        meta = json.loads(client.hget(key, "meta") or b"{}")
        client.hset(key, "meta", json.dumps(meta | {"last_run_at": _LONG_AGO}))
        client.zadd(f"{_PREFIX}:schedule", {key: time.time() - 1})


FAULTS = (
    Fault(
        name="beat-killed",
        does="SIGKILL for beat, and for a process of the pool whose job then only a sweep finds",
        strike=_kill_beat,
        bound=SIGKILL_SECONDS,
        window=PROCESS,
        window_is="the calls under way in the killed process",
        may_restart=frozenset({"beat"}),
        afterwards=_wait_for_sweeps,
    ),
    Fault(
        name="two-beats",
        does="a second beat is started, the nightly task falls due and must run once, the first is killed",
        strike=_two_beats,
        bound=SIGKILL_SECONDS,
        window=PROCESS,
        window_is="the calls under way in the killed process",
        may_restart=frozenset({"beat"}),
        afterwards=_wait_for_sweeps,
    ),
    Fault(
        name="maintenance-killed",
        does="SIGKILL for the sweeper's worker, and for a process of the pool whose job only a sweep finds",
        strike=_kill_maintenance,
        bound=SIGKILL_SECONDS,
        window=PROCESS,
        window_is="the calls under way in the killed process",
        may_restart=frozenset({"maintenance"}),
        afterwards=_wait_for_sweeps,
    ),
)
