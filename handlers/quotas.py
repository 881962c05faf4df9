"""Who may send how many events. Keys and projects have buckets of tokens, and an event takes one of each.

A project's bucket goes by its key, which is known even while PostgreSQL is away; an API key's by its hash.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from core.domain.quota import PROBE_SECONDS, Purse, Quota, in_words, parse_rate, quota_of
from core.errors import QueueUnavailable, QuotaExceeded
from core.queue.buckets import Buckets, LocalBuckets, Taken
from core.settings import Auth, Settings, WithoutRedis
from handlers.auth import Admitted
from handlers.quota_report import Kind, QuotaReport

_MOST_PURSES = 10_000
_MINUTE = 60.0
_quota_of = lru_cache(maxsize=1_000)(quota_of)
"""The same quota is the same object, so that to see whether one was changed takes no comparing."""
_STRANGERS = "strangers/"
"""No project's key has a slash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`project` and `key` in events a second; None: no limit, but for those that have their own."""

    project: float | None
    key: float | None
    has_keys: bool
    """Whether API keys have quotas at all."""
    burst_seconds: float
    batch: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        project, key = settings.ingest_rate_project, settings.ingest_rate_key
        if settings.auth is Auth.OFF and "ingest_rate_project" not in settings.model_fields_set:
            # One's own machine, where a flood is most likely a measurement.
            project = None
        return cls(
            project=parse_rate(project) if project else None,
            key=parse_rate(key) if key else None,
            has_keys=settings.auth is Auth.REQUIRED,
            burst_seconds=settings.ingest_burst_seconds,
            batch=settings.max_batch_events,
        )

    def quota(self, own: int | None, default: float | None) -> Quota | None:
        """`own` in events a minute, as it is stored."""
        rate = own / _MINUTE if own is not None else default
        if rate is None:
            return None
        return _quota_of(rate, burst_seconds=self.burst_seconds, batch=self.batch)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Account:
    """A bucket by its name, with what this process holds of it. One at a time asks for more."""

    kind: Kind
    name: str
    label: str
    """For the log: never a key, nor all of its hash."""
    purse: Purse
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Quotas:
    """One a process, and for one event loop."""

    def __init__(
        self,
        limits: Limits,
        *,
        shared: Buckets,
        without_redis: WithoutRedis,
        report: QuotaReport,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._shared = shared
        self._local = LocalBuckets()
        self._without_redis = without_redis
        self._report = report
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def refuse_known(self, sender: Admitted) -> None:
        """Raises QuotaExceeded where it is known without asking that not one event would be let in.

        For before a body is read: a flood of refused requests costs neither its reading nor a round trip.
        """
        if not self._accounts:
            return
        accounts = [self._key_account(sender)]
        if sender.caller is not None and sender.caller.project_key is not None:
            # As it was last seen: whoever has one project's key fills that project's bucket and no other.
            accounts.append(self._accounts.get(_name(Kind.PROJECT, sender.caller.project_key)))
        now = self._clock()
        for account in accounts:
            if account is not None and (wait := account.purse.wait(1, now)):
                raise self._refused(account, 1, wait)

    async def charge_key(self, sender: Admitted, events: int) -> None:
        """Raises QuotaExceeded, and QueueUnavailable where Redis is away and nothing is let in without it."""
        account = self._key_account(sender)
        if account is not None and (wait := await self._pay(account, events)):
            raise self._refused(account, events, wait)

    async def charge_projects(
        self, events: Mapping[str, int], rates: Mapping[str, int | None], *, of_strangers: bool = False
    ) -> dict[str, QuotaExceeded]:
        """`events` by project key, and the projects' own rates; those that are refused, all of their events.

        `of_strangers`: keys of which nothing is known while PostgreSQL is away. They have a bucket of each
        project to themselves: with keys that are made up they could empty the one of its own senders.
        Raises QueueUnavailable where Redis is away and nothing is let in without it.
        """
        refused: dict[str, QuotaExceeded] = {}
        if self._limits.project is None and not rates:
            return refused
        for project_key, count in events.items():
            account = self._project_account(project_key, rates.get(project_key), of_strangers)
            if account is not None and (wait := await self._pay(account, count)):
                refused[project_key] = self._refused(account, count, wait)
        return refused

    def _key_account(self, sender: Admitted) -> _Account | None:
        if sender.key_hash is None or not self._limits.has_keys:
            return None
        quota = self._limits.quota(sender.ingest_rate, self._limits.key)
        key_id = sender.caller.key_id if sender.caller else None
        return self._account(Kind.KEY, sender.key_hash, quota, label=str(key_id or sender.key_hash[:12]))

    def _project_account(self, project_key: str, rate: int | None, of_strangers: bool) -> _Account | None:
        quota = self._limits.quota(rate, self._limits.project)
        subject = f"{_STRANGERS}{project_key}" if of_strangers else project_key
        return self._account(Kind.PROJECT, subject, quota, label=project_key)

    def _account(self, kind: Kind, subject: str, quota: Quota | None, *, label: str) -> _Account | None:
        if quota is None:
            return None
        name = _name(kind, subject)
        account = self._accounts.get(name)
        if account is None or (account.purse.quota is not quota and account.purse.quota != quota):
            if len(self._accounts) >= _MOST_PURSES:
                self._accounts.clear()
            account = _Account(kind=kind, name=name, label=label, purse=Purse(quota))
            self._accounts[name] = account
        return account

    async def _pay(self, account: _Account, cost: int) -> float:
        """0: it is paid. Else seconds until it is worth trying again."""
        purse = account.purse
        # While somebody asks, what is held is theirs first.
        if not account.asking.locked() and purse.spend(cost, self._clock()):
            return 0.0
        async with account.asking:
            now = self._clock()
            if purse.spend(cost, now):
                return 0.0
            if wait := purse.wait(cost, now):
                return wait
            return await self._ask(account, cost, now)

    async def _ask(self, account: _Account, cost: int, now: float) -> float:
        purse = account.purse
        wanted, needed = purse.wanted(cost, now), purse.needed(cost, now)
        taken = await self._take(account, wanted)
        if not taken.is_granted and taken.left >= needed:
            # What there is, in place of what would have been good to have.
            wanted = int(taken.left)
            taken = await self._take(account, wanted)
            if taken.is_granted:
                purse.received(wanted, cost, asked_at=now)
                purse.found(0, asked_at=now)
                return 0.0
        if taken.is_granted:
            purse.received(wanted, cost, asked_at=now)
            return 0.0
        purse.found(taken.left, asked_at=now)
        # Never 0, though others may have left just enough between the two questions.
        return max(purse.wait(cost, now), PROBE_SECONDS)

    async def _take(self, account: _Account, tokens: int) -> Taken:
        try:
            return await self._shared.take(account.name, account.purse.quota, tokens)
        except QueueUnavailable as exc:
            if self._without_redis is WithoutRedis.CLOSED:
                raise QueueUnavailable("events cannot be counted while Redis is away") from exc
            if self._without_redis is WithoutRedis.OPEN:
                return Taken(is_granted=True)
            return await self._local.take(account.name, account.purse.quota, tokens)

    def _refused(self, account: _Account, events: int, wait: float) -> QuotaExceeded:
        self._report.refused(account.kind, account.label, events)
        whose = "this key" if account.kind is Kind.KEY else f"project_key {account.label!r}"
        rate = in_words(account.purse.quota.rate)
        return QuotaExceeded(f"the quota of {whose}, {rate}, is used up", retry_after=wait)


def _name(kind: Kind, subject: str) -> str:
    return f"{kind}:{subject}"
