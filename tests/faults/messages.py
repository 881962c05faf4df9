"""Celery messages that come more than once, and one whose job kills whoever works it."""

from __future__ import annotations

import time
from uuid import UUID

import redis

from core.queue.names import AI_ANALYSIS, METADATA_GENERATION
from tests.e2e.program import wait_until
from tests.faults.fault import POOL, PROCESS, SIGKILL_SECONDS, Fault
from tests.faults.scene import Scene

_COPIES = 2
_HELD_SECONDS = 4.0
_TIMES = 3
_LIVES = 4
"""A job's attempts: 1 + MAX_RETRIES."""
_DEATH_SECONDS = 420.0
_POISON = "The barrel of arsenic is open"
_LONGEST_WAITS = {"process": 30.0, "group": 120.0}
"""Seconds that another job may wait for its end. One that ran beside the poison waits for a sweep, or where
the whole worker dies for its lease, and if it is unlucky, twice."""


def _triple(scene: Scene) -> None:
    """The worker is held while messages gather, each of which is put into its queue again and again."""
    with redis.Redis.from_url(scene.valkey.url) as client:
        for _ in range(_TIMES):
            scene.freeze("worker")
            time.sleep(_HELD_SECONDS)
            for queue in (AI_ANALYSIS, METADATA_GENERATION):
                for message in client.lrange(queue, 0, -1):
                    client.lpush(queue, *[message] * _COPIES)
            scene.thaw("worker")
            time.sleep(_HELD_SECONDS)


def _poison(scene: Scene, *, kills: str) -> None:
    """Lasts until the poisoned job is dead, and nobody else may have waited for that."""
    began_at = time.time()
    scene.models.poison(_POISON, kills=kills)
    event = {
        "project_key": f"poison-{kills}-{time.time():.0f}",
        "message": _POISON,
        "status_code": 500,
        "timestamp": "2026-01-15T12:00:00Z",
    }
    group = UUID(scene.stack.post(event)["group_id"])
    scene.excused.add(group)

    def state() -> str:
        [job] = scene.query("SELECT state FROM jobs WHERE subject_id = %s", group)
        return str(job["state"])

    wait_until(lambda: state() == "dead", _DEATH_SECONDS, "the poisoned job is dead")
    kills_seen = sum(call["outcome"] == "poison" for call in scene.models.calls())
    assert kills_seen == _LIVES, f"the poison killed {kills_seen} times, not {_LIVES}"
    waited = _longest_wait(scene, began_at)
    assert waited <= _LONGEST_WAITS[kills], f"another job waited {waited:.0f} s"


def _longest_wait(scene: Scene, began_at: float) -> float:
    """From a job's making to its end, or to now; of all but the excused."""
    [row] = scene.query(
        "SELECT max(extract(epoch FROM coalesce(finished_at, now()) - created_at))::float8 AS seconds"
        " FROM jobs WHERE created_at >= to_timestamp(%s) AND NOT subject_id = ANY(%s)",
        began_at,
        list(scene.excused),
    )
    return float(row["seconds"] or 0)


FAULTS = (
    Fault(
        name="messages-tripled",
        does="every message of a job that waits is put into its queue twice more",
        strike=_triple,
        bound=SIGKILL_SECONDS,
    ),
    Fault(
        name="poison-kills-process",
        does="an event whose analysis kills its process of the pool each time, until its job is dead",
        strike=lambda scene: _poison(scene, kills="process"),
        bound=SIGKILL_SECONDS,
        window=_LIVES * (PROCESS - 1),
        window_is="the calls beside the poison in each killed process",
    ),
    Fault(
        name="poison-kills-worker",
        does="an event whose analysis kills the whole worker each time, until its job is dead",
        strike=lambda scene: _poison(scene, kills="group"),
        bound=SIGKILL_SECONDS,
        window=_LIVES * (POOL - 1),
        window_is="the calls beside the poison in each killed worker",
        may_restart=frozenset({"worker"}),
    ),
)
