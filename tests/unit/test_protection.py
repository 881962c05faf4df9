"""When to ask ECS for protection and when to give it back: a table, and days of work on a made-up clock."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from worker.protection import (
    EXPIRES_MINUTES,
    IDLE_SECONDS,
    LONGEST_SECONDS,
    PAUSE_SECONDS,
    RENEW_SECONDS,
    RETRY_SECONDS,
    Call,
    Held,
    Protection,
    Refused,
    after,
    due,
)

NOW = 50_000.0
EXPIRES = EXPIRES_MINUTES * 60
NOTHING = Held()
FRESH = Held(since=NOW, sure_until=NOW + EXPIRES, maybe_until=NOW + EXPIRES, worked_at=NOW)
LOST_ANSWER = Held(maybe_until=NOW + EXPIRES, worked_at=NOW, failures=1, silent_until=NOW + RETRY_SECONDS)


@pytest.mark.parametrize(
    ("held", "is_working", "later", "expected"),
    [
        (NOTHING, False, 0, None),
        (NOTHING, True, 0, Call.PROTECT),
        (FRESH, True, 1, None),
        (FRESH, True, EXPIRES - RENEW_SECONDS - 1, None),
        (FRESH, True, EXPIRES - RENEW_SECONDS, Call.PROTECT),
        (FRESH, True, EXPIRES + 1, Call.PROTECT),
        (FRESH, False, IDLE_SECONDS - 1, None),
        (FRESH, False, IDLE_SECONDS, Call.RELEASE),
        # It has ended by itself.
        (FRESH, False, EXPIRES, None),
        (LOST_ANSWER, True, RETRY_SECONDS - 1, None),
        (LOST_ANSWER, True, RETRY_SECONDS, Call.PROTECT),
        (LOST_ANSWER, False, RETRY_SECONDS, Call.RELEASE),
        (LOST_ANSWER, False, EXPIRES, None),
    ],
)
def test_what_is_due(held: Held, is_working: bool, later: float, expected: Call | None) -> None:
    assert due(held, is_working=is_working, now=NOW + later) is expected


def test_a_release_whose_answer_is_lost_is_made_again() -> None:
    held = after(FRESH, Call.RELEASE, is_done=False, now=NOW + 20)
    assert due(held, is_working=False, now=NOW + 20 + RETRY_SECONDS) is Call.RELEASE
    # It may have been done: a job that comes meanwhile must not count on what was.
    assert due(held, is_working=True, now=NOW + 20 + RETRY_SECONDS) is Call.PROTECT


def test_waits_grow_with_failures_and_a_success_forgets_them() -> None:
    held, waits = NOTHING, []
    for _ in range(7):
        held = after(held, Call.PROTECT, is_done=False, now=NOW)
        waits.append(held.silent_until - NOW)
    assert waits == [15, 30, 60, 120, 240, 300, 300]
    assert after(held, Call.PROTECT, is_done=True, now=NOW).failures == 0


@dataclass
class World:
    """A worker, a clock, and an ECS that keeps what it was told."""

    now: float = NOW
    is_working: bool = False
    protected_until: float = 0.0
    is_out_of_order: bool = False
    calls: list[tuple[Call, float]] = field(default_factory=list)

    def tell(self, call: Call) -> None:
        self.calls.append((call, self.now))
        if self.is_out_of_order:
            raise Refused("ThrottlingException")
        self.protected_until = self.now + EXPIRES if call is Call.PROTECT else 0.0

    def live(self, seconds: Iterable[bool], each_second: Callable[[], None] = lambda: None) -> None:
        """A second for each item, which says whether a job is worked in it."""
        protection = Protection(self.tell, is_working=lambda: self.is_working, clock=lambda: self.now)
        for is_working in seconds:
            self.is_working = is_working
            protection.look()
            each_second()
            self.now += 1

    def made(self) -> list[Call]:
        return [call for call, _ in self.calls]


def test_one_job_is_one_pair_of_calls() -> None:
    world = World()
    world.live([False] * 60 + [True] * 30 + [False] * 600)
    assert world.calls == [(Call.PROTECT, NOW + 60), (Call.RELEASE, NOW + 60 + 29 + IDLE_SECONDS)]


def test_jobs_with_short_gaps_are_one_stretch() -> None:
    world = World()
    world.live(([True] * 2 + [False] * (IDLE_SECONDS - 2)) * 20 + [False] * 60)
    assert world.made() == [Call.PROTECT, Call.RELEASE]


def test_an_endless_backlog_is_protected_but_for_a_pause_in_which_a_deployment_gets_its_turn() -> None:
    world, open_seconds, hours = World(), 0, 2

    def count() -> None:
        nonlocal open_seconds
        open_seconds += world.protected_until <= world.now

    world.live([True] * 3600 * hours, count)
    stretch = LONGEST_SECONDS + PAUSE_SECONDS
    pauses = 3600 * hours // stretch
    assert open_seconds == pauses * PAUSE_SECONDS
    assert world.made().count(Call.RELEASE) == pauses
    assert len(world.calls) <= 4 * (pauses + 1)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_work_is_protected_and_idleness_is_not(seed: int) -> None:
    choose, is_working = random.Random(seed), False
    seconds: list[bool] = []
    while len(seconds) < 4 * 3600:
        seconds += [is_working] * choose.randint(1, choose.choice((3, 30, 1200)))
        is_working = not is_working
    world, worked_at = World(), 0.0

    def check() -> None:
        nonlocal worked_at
        worked_at = world.now if world.is_working else worked_at
        if world.is_working and not pausing():
            assert world.protected_until > world.now
        if world.now - worked_at > IDLE_SECONDS:
            assert world.protected_until <= world.now

    def pausing() -> bool:
        return world.made()[-1] is Call.RELEASE and world.now - world.calls[-1][1] < PAUSE_SECONDS

    world.live(seconds, check)
    # Never two calls of a kind but renewals, and those far apart.
    for (call, at), (following, then) in zip(world.calls, world.calls[1:], strict=False):
        assert call is not following or then - at >= RENEW_SECONDS


def test_failures_are_said_once_and_called_seldom(caplog: pytest.LogCaptureFixture) -> None:
    world = World(is_out_of_order=True)
    with caplog.at_level(logging.INFO, "worker.protection"):
        world.live([True] * 3600)
    assert len(world.calls) <= 17
    [record] = caplog.records
    assert (record.levelname, record.__dict__["cause"]) == ("WARNING", "ThrottlingException")


def test_after_an_outage_work_is_protected_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    world = World(is_out_of_order=True)

    def mend() -> None:
        world.is_out_of_order = world.now < NOW + 60

    with caplog.at_level(logging.INFO, "worker.protection"):
        world.live([True] * 200, mend)
    assert world.protected_until > world.now
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
