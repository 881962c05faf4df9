"""Of two beats one waits, and takes over when the first is gone."""

from __future__ import annotations

import json
import time

import redis

from core.queue.names import BEAT_TICK, MAINTENANCE, SWEEP
from tests.e2e.program import wait_until
from tests.e2e.stack import Stack

_HAS_LOCK = "beat: Acquired lock"


def test_two_beats_are_one(stack: Stack) -> None:
    first = stack.programs["beat"]
    second = stack.run("beat-2", "celery", "-A", "worker", "beat", "--loglevel=info")
    try:
        wait_until(lambda: "beat: Starting" in second.text(), 30, "the second beat is up")
        stack.wait_for_sweeps(4)
        assert _HAS_LOCK not in second.text()
        first.terminate()
        assert first.wait(15) is not None
        wait_until(lambda: _HAS_LOCK in second.text(), 40, "the second beat takes over")
        stack.wait_for_sweeps(2)
    finally:
        second.kill()
        stack.launch("beat")
        stack.wait_until_ready()


def test_a_clock_that_was_put_back(stack: Stack) -> None:
    """As if all that beat has done was done an hour from now."""
    beat = stack.programs["beat"]
    beat.terminate()
    assert beat.wait(15) is not None
    ahead = time.time() + 3_600
    prefix = "rootnote:beat:"
    with redis.Redis.from_url(stack.redis_url) as client:
        [meta] = [json.loads(client.hget(f"{prefix}{SWEEP}", "meta") or "")]
        meta["last_run_at"] |= dict(
            zip(("year", "month", "day", "hour", "minute"), time.gmtime(ahead), strict=False)
        )
        client.hset(f"{prefix}{SWEEP}", "meta", json.dumps(meta))
        client.zadd(f"{prefix}:schedule", {f"{prefix}{SWEEP}": ahead})
        client.set(BEAT_TICK, ahead)
        client.delete(MAINTENANCE)
    began = stack.programs["beat"].text().count("the schedule begins anew")
    stack.launch("beat")
    wait_until(
        lambda: stack.programs["beat"].text().count("the schedule begins anew") > began, 30, "beat sees it"
    )
    stack.wait_for_sweeps(3)
    assert stack.programs["beat"].text().count("the schedule begins anew") == began + 1
