"""When a worker counts as silent, and what is done about it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kombu.utils.limits import TokenBucket

from worker.celery_app import HARD_LIMIT_SECONDS
from worker.watchdog import (
    BUSY_LOOKS,
    LEAVE_LOOKS,
    LOOK_SECONDS,
    RECONNECT_LOOKS,
    Look,
    Silence,
    Step,
    Watchdog,
    after,
    look_at,
)

SILENT = Look(waiting=3, taken=7, has_room=True)
FULL = Look(waiting=3, taken=7, has_room=False)


def steps(*looks: Look) -> list[Step | None]:
    """What each look of a worker that has taken 7 messages leads to."""
    silence, found = Silence(taken=7), []
    for look in looks:
        silence, step = after(silence, look)
        found.append(step)
    return found


def test_it_connects_again_once_and_then_leaves() -> None:
    found = steps(*[SILENT] * LEAVE_LOOKS)
    assert found.index(Step.RECONNECT) == RECONNECT_LOOKS - 1
    assert found.index(Step.LEAVE) == LEAVE_LOOKS - 1
    assert found.count(None) == LEAVE_LOOKS - 2


def test_whatever_shows_that_it_is_well_begins_anew() -> None:
    nearly = [SILENT] * (RECONNECT_LOOKS - 1)
    for well in (
        Look(waiting=0, taken=7, has_room=True),
        Look(waiting=None, taken=7, has_room=True),
    ):
        assert steps(*nearly, well, *nearly) == [None] * (2 * len(nearly) + 1)
    took_one = [Look(waiting=3, taken=8, has_room=True)] * RECONNECT_LOOKS
    assert steps(*nearly, *took_one) == [None] * (len(nearly) + len(took_one))


def test_a_full_pool_is_given_longer_than_any_job_may_take() -> None:
    found = steps(*[FULL] * BUSY_LOOKS)
    assert found == [None] * (BUSY_LOOKS - 1) + [Step.LEAVE]
    assert BUSY_LOOKS * LOOK_SECONDS > HARD_LIMIT_SECONDS


def test_the_thread_does_what_is_due_and_ends_when_the_worker_leaves() -> None:
    done: list[str] = []
    watchdog = Watchdog(
        lambda: Look(waiting=1, taken=0, has_room=True),
        reconnect=lambda: done.append("reconnect"),
        leave=lambda: done.append("leave"),
        seconds=0.001,
    )
    watchdog.start()
    watchdog._thread.join(10)
    assert done == ["reconnect", "leave"]


def test_it_can_be_stopped() -> None:
    watchdog = Watchdog(lambda: SILENT, reconnect=lambda: None, leave=lambda: None, seconds=60)
    watchdog.start()
    watchdog.stop()
    watchdog._thread.join(10)
    assert not watchdog._thread.is_alive()


def test_what_a_rate_limit_holds_back_is_no_silence() -> None:
    """Started anew, the worker would have forgotten the limit."""
    nobody = "redis://127.0.0.1:1/0"
    bucket = TokenBucket(1 / 3_600, capacity=1)
    consumer: Any = SimpleNamespace(
        app=SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from={}))),
        max_prefetch_count=1,
        task_consumer=object(),
        task_buckets={"unlimited": None, "limited": bucket},
    )
    assert look_at(consumer, nobody).has_room
    bucket.add("a task")
    assert not look_at(consumer, nobody).has_room
