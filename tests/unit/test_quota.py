"""Chunks of shared buckets: never more than was promised, nothing refused that is known to be there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from core.domain.access import Caller, Scope
from core.domain.quota import HOLD_SECONDS, Purse, Quota, parse_rate, quota_of
from core.errors import QueueUnavailable, QuotaExceeded
from core.queue.buckets import Taken
from core.settings import WithoutRedis
from handlers.auth import Admitted
from handlers.quota_report import QuotaReport
from handlers.quotas import Limits, Quotas

T = TypeVar("T")

BATCH = 10


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class ExactBuckets:
    """What Redis does, by the book and by a clock that stands still between steps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self.asked = self.given = 0
        self.is_away = False

    async def take(self, name: str, quota: Quota, tokens: int) -> Taken:
        if self.is_away:
            raise QueueUnavailable("Redis does not answer")
        self.asked += 1
        name = f"{name}:{quota.rate}"
        left, at = self._buckets.get(name, (float(quota.capacity), self._clock.now))
        left = min(quota.capacity, left + (self._clock.now - at) * quota.rate)
        is_granted = left >= tokens
        self.given += tokens if is_granted else 0
        self._buckets[name] = (left - tokens if is_granted else left, self._clock.now)
        return Taken(is_granted=is_granted, left=0.0 if is_granted else left)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Nothing here waits, so no event loop is needed."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("it waited")


def quotas_of(
    buckets: ExactBuckets,
    clock: Clock,
    *,
    project: float | None = 20,
    key: float | None = None,
    burst_seconds: float = 3,
    without_redis: WithoutRedis = WithoutRedis.LOCAL,
) -> Quotas:
    limits = Limits(project=project, key=key, has_keys=True, burst_seconds=burst_seconds, batch=BATCH)
    report = QuotaReport(deployment="test", clock=clock)
    return Quotas(limits, shared=buckets, without_redis=without_redis, report=report, clock=clock)


def lets_in(quotas: Quotas, events: int, rates: Mapping[str, int | None] | None = None) -> bool:
    return not at_once(quotas.charge_projects({"shop": events}, rates or {}))


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(1, BATCH),
        # Mostly at once, since that is what a bucket is there for.
        st.sampled_from([*[0.0] * 30, 0.001, 0.02, 0.09, 0.1, 0.3, 0.99, 1.0, 1.5, 4.0, 30.0]),
    ),
    min_size=30,
    max_size=100,
)


@given(STEPS, st.sampled_from([0.5, 3.0, 20.0, 200.0]))
def test_no_stretch_of_time_has_more_than_rate_and_burst(
    steps: list[tuple[int, int, float]], rate: float
) -> None:
    clock = Clock()
    buckets = ExactBuckets(clock)
    processes = [quotas_of(buckets, clock, project=rate) for _ in range(3)]
    burst = max(3 * rate, BATCH + rate * HOLD_SECONDS)
    accepted: list[tuple[float, int]] = []
    for process, events, pause in steps:
        clock.now += pause
        if lets_in(processes[process], events):
            accepted.append((clock.now, events))
    for first, (start, _) in enumerate(accepted):
        total = 0
        for at, events in accepted[first:]:
            total += events
            assert total <= burst + rate * (at - start) + 1e-6


@given(STEPS, st.sampled_from([0.5, 3.0, 20.0]))
def test_who_waits_as_long_as_told_is_let_in(steps: list[tuple[int, int, float]], rate: float) -> None:
    clock = Clock()
    quotas = quotas_of(ExactBuckets(clock), clock, project=rate)
    for _, events, pause in steps:
        clock.now += pause
        refused = at_once(quotas.charge_projects({"shop": events}, {}))
        if refused:
            clock.now += refused["shop"].retry_after + 1e-6
            assert lets_in(quotas, events)


@given(st.integers(1, 10_000), st.integers(1, 3_600), st.floats(0.001, 10_000))
def test_a_whole_batch_fits_an_untouched_bucket(batch: int, burst_seconds: int, rate: float) -> None:
    assert quota_of(rate, burst_seconds=burst_seconds, batch=batch).capacity >= batch


def test_a_steady_sender_asks_seldom_and_loses_nothing() -> None:
    clock = Clock()
    buckets = ExactBuckets(clock)
    quotas = quotas_of(buckets, clock, project=1_000)
    for _ in range(10_000):
        clock.now += 0.002
        assert lets_in(quotas, 1)
    assert buckets.asked < 600


def test_a_flood_that_is_refused_asks_ten_times_a_second_and_gets_its_rate() -> None:
    clock = Clock()
    buckets = ExactBuckets(clock)
    quotas = quotas_of(buckets, clock, project=200, burst_seconds=10)
    accepted = 0
    for _ in range(20_000):
        clock.now += 0.0005
        accepted += lets_in(quotas, 1)
    assert 0.97 * 2_000 <= accepted - 1_800 <= 2_000
    assert buckets.asked < 1_800 / 36 + 2 * 10 * 10 + 10


def test_what_is_not_spent_is_given_up() -> None:
    purse = Purse(Quota(rate=10, capacity=100))
    purse.received(5, 1, asked_at=0)
    assert purse.spend(1, 0.5)
    assert not purse.spend(1, HOLD_SECONDS)


def test_chunks_follow_what_is_spent() -> None:
    purse = Purse(Quota(rate=100, capacity=1_000))
    assert purse.wanted(1, 0) == 1
    sizes = []
    for step in range(7):
        wanted = purse.wanted(1, step / 10)
        purse.received(wanted, wanted, asked_at=step / 10)
        sizes.append(wanted)
    assert sizes == [1, 2, 4, 8, 16, 20, 20]
    assert purse.wanted(300, 0.7) == 300
    purse.received(20, 3, asked_at=1)
    assert purse.wanted(1, 5) == 3


def test_a_project_that_floods_leaves_others_alone() -> None:
    clock = Clock()
    quotas = quotas_of(ExactBuckets(clock), clock)
    while lets_in(quotas, BATCH):
        pass
    refused = at_once(quotas.charge_projects({"shop": 1, "blog": 1}, {}))
    assert set(refused) == {"shop"}
    assert str(refused["shop"]) == "the quota of project_key 'shop', 20 events a second, is used up"


def test_a_rate_of_its_own_counts_from_the_next_request_on() -> None:
    clock = Clock()
    quotas = quotas_of(ExactBuckets(clock), clock)
    while lets_in(quotas, BATCH):
        pass
    assert lets_in(quotas, BATCH, {"shop": 60_000})
    assert not lets_in(quotas, BATCH)
    assert lets_in(quotas, BATCH, {"shop": 60})
    assert not lets_in(quotas, BATCH, {"shop": 60})


def test_without_a_rate_nothing_is_counted_but_what_has_its_own() -> None:
    clock = Clock()
    buckets = ExactBuckets(clock)
    quotas = quotas_of(buckets, clock, project=None)
    assert all(lets_in(quotas, BATCH) for _ in range(100))
    assert buckets.asked == 0
    assert [lets_in(quotas, BATCH, {"shop": 60}) for _ in range(2)] == [True, False]


KEY = Admitted(caller=Caller(scope=Scope.INGEST), key_hash="a" * 64)


def test_a_key_that_is_used_up_is_refused_before_anything_is_asked() -> None:
    clock = Clock()
    buckets = ExactBuckets(clock)
    quotas = quotas_of(buckets, clock, key=20)
    quotas.refuse_known(KEY)
    for _ in range(40):
        at_once(quotas.charge_key(KEY, 1))
    with pytest.raises(QuotaExceeded, match="this key"):
        at_once(quotas.charge_key(KEY, 1))
    asked = buckets.asked
    with pytest.raises(QuotaExceeded, match="this key"):
        quotas.refuse_known(KEY)
    with pytest.raises(QuotaExceeded, match="this key"):
        at_once(quotas.charge_key(KEY, BATCH))
    assert buckets.asked == asked
    clock.now += 1
    quotas.refuse_known(KEY)


def test_a_projects_own_key_is_refused_before_its_body_is_read_too() -> None:
    clock = Clock()
    quotas = quotas_of(ExactBuckets(clock), clock)
    own = Admitted(caller=Caller(scope=Scope.INGEST, project_key="shop"), key_hash="b" * 64)
    quotas.refuse_known(own)
    while lets_in(quotas, 1):
        pass
    with pytest.raises(QuotaExceeded, match="'shop'"):
        quotas.refuse_known(own)
    quotas.refuse_known(KEY)


@pytest.mark.parametrize("without_redis", WithoutRedis)
def test_redis_away(without_redis: WithoutRedis) -> None:
    clock = Clock()
    buckets = ExactBuckets(clock)
    buckets.is_away = True
    quotas = quotas_of(buckets, clock, without_redis=without_redis)
    if without_redis is WithoutRedis.CLOSED:
        with pytest.raises(QueueUnavailable, match="cannot be counted"):
            lets_in(quotas, 1)
        return
    accepted = sum(lets_in(quotas, BATCH) for _ in range(100))
    assert accepted == (100 if without_redis is WithoutRedis.OPEN else 4)


def test_refusals_are_counted_by_event_and_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("rootnote_quota_refused_total", {"quota": "project"}) or 0.0

    clock = Clock()
    quotas = quotas_of(ExactBuckets(clock), clock)
    before = counted()
    while lets_in(quotas, BATCH):
        pass
    for _ in range(9):
        lets_in(quotas, BATCH)
    assert counted() - before == 10 * BATCH
    assert [record.message for record in caplog.records] == ["events are refused by a quota"]
    clock.now += 60
    while lets_in(quotas, BATCH):
        pass
    told = [(record.of, record.events) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [("shop", BATCH), ("shop", 10 * BATCH)]


@pytest.mark.parametrize(("text", "rate"), [("200/second", 200), ("90/minute", 1.5), ("1800/hour", 0.5)])
def test_rates_are_read(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


class SlowBuckets(ExactBuckets):
    """Answers come after others had their turn."""

    async def take(self, name: str, quota: Quota, tokens: int) -> Taken:
        await asyncio.sleep(0)
        taken = await super().take(name, quota, tokens)
        await asyncio.sleep(0)
        return taken


def test_what_one_request_counts_on_is_not_spent_by_the_next() -> None:
    clock = Clock()
    buckets = SlowBuckets(clock)
    quotas = quotas_of(buckets, clock, project=50)

    async def charge(events: int) -> int:
        return 0 if await quotas.charge_projects({"shop": events}, {}) else events

    async def one_while_another_asks() -> int:
        # Leaves one token here, which the ten then count on.
        accepted = await charge(1) + await charge(1)
        large = asyncio.create_task(charge(10))
        await asyncio.sleep(0)
        return accepted + await charge(1) + await large

    assert asyncio.run(one_while_another_asks()) == 13
    assert buckets.given >= 13


class ContendedBuckets(ExactBuckets):
    """Always has as much left as was asked for just before, and gives it to somebody else."""

    async def take(self, name: str, quota: Quota, tokens: int) -> Taken:
        return Taken(is_granted=False, left=float(tokens))


def test_nobody_is_let_in_for_what_others_took_in_between() -> None:
    clock = Clock()
    quotas = quotas_of(ContendedBuckets(clock), clock)
    refused = at_once(quotas.charge_projects({"shop": 3}, {}))
    assert refused["shop"].retry_after > 0
