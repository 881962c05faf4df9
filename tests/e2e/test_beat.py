"""Of two beats one waits, and takes over when the first is gone."""

from __future__ import annotations

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
