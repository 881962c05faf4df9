"""Asks one provider after the other until one gives an answer that can be used."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from core.errors import Failure, InvalidAnswer, ProviderError
from worker.providers.answers import plain_model_name
from worker.providers.base import Answer, CallRecord, ChainFailed, Completion, Prompt, Provider, Usage
from worker.providers.breaker import Breaker
from worker.providers.pricing import cost_usd

T = TypeVar("T")
_log = logging.getLogger(__name__)
_CALLS_A_MODEL = 2
_CHARS_A_TOKEN = 3
"""English has four; an estimate should rather be too high."""
_MOST_HOPEFUL_FIRST = (
    Failure.RETRYABLE,
    Failure.QUOTA,
    Failure.AUTH,
    Failure.INVALID_ANSWER,
    Failure.REJECTED,
)


@dataclass(kw_only=True, slots=True)
class _Run(Generic[T]):
    """One `ask` under way: what is asked and until when, and what has come of it so far."""

    parse: Callable[[str], T]
    request_id: str
    deadline: float
    calls: list[CallRecord] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def gave_up(self, reason: str, failure: Failure, wait: float | None = None) -> None:
        """One provider is out; `wait` is when it may be back, in seconds."""
        self.reasons.append(reason)
        self.failures.append(failure)
        if wait is not None and failure is Failure.RETRYABLE:
            self.waits.append(wait)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found(Generic[T]):
    """A value, and the model that gave it."""

    value: T
    model: str


class Chain:
    """Providers in order of preference, a circuit breaker, and a ledger row for each call."""

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        breaker: Breaker,
        call_timeout: float,
        clock: Callable[[], float] = time.monotonic,
        price: Callable[[str, str, Usage], float | None] = cost_usd,
    ) -> None:
        self._providers = tuple(providers)
        self._breaker = breaker
        self._call_timeout = call_timeout
        self._clock = clock
        self._price = price

    async def ask(
        self, prompt: Prompt, parse: Callable[[str], T], *, budget_seconds: float, request_id: str
    ) -> Answer[T]:
        """The first answer that `parse` accepts; `parse` raises InvalidAnswer for one that it does not.

        An invalid answer goes back to its provider once, with what was wrong. A call may take
        `call_timeout` seconds, but no more than an equal share of what is left of `budget_seconds`
        for each provider still to be asked. Raises ChainFailed, with all calls in it.
        """
        if not self._providers:
            raise ChainFailed(
                "no model provider is configured", failure=Failure.AUTH, retry_after=None, calls=()
            )
        run = _Run(parse=parse, request_id=request_id, deadline=self._clock() + budget_seconds)
        for position, provider in enumerate(self._providers):
            found = await self._try(provider, prompt, run, sharers=len(self._providers) - position)
            if found is not None:
                return Answer(
                    value=found.value, provider=provider.name, model=found.model, calls=tuple(run.calls)
                )
        raise ChainFailed(
            "; ".join(run.reasons),
            failure=min(run.failures, key=_MOST_HOPEFUL_FIRST.index),
            retry_after=min(run.waits, default=None),
            calls=tuple(run.calls),
        )

    def estimate_usd(self, prompt: Prompt) -> float:
        """What asking may cost at most: each model once and once more to repair its answer.

        A model whose price is not known counts as 0.
        """
        usage = Usage(
            input=(len(prompt.system) + len(prompt.user)) // _CHARS_A_TOKEN, output=prompt.max_output_tokens
        )
        prices = (self._price(provider.name, provider.model, usage) for provider in self._providers)
        return _CALLS_A_MODEL * sum(price for price in prices if price is not None)

    async def aclose(self) -> None:
        """Close all providers' connections."""
        for provider in self._providers:
            await provider.aclose()

    async def _try(
        self, provider: Provider, prompt: Prompt, run: _Run[T], *, sharers: int
    ) -> _Found[T] | None:
        """This provider's answer, or None with the reason noted in `run`."""
        if self._seconds_left(run) <= 0:
            run.gave_up(f"{provider.name}: no time left", Failure.RETRYABLE)
            return None
        wait = self._breaker.wait(provider.name, self._clock())
        if wait > 0:
            run.gave_up(f"{provider.name}: not asked for another {wait:.0f} s", Failure.RETRYABLE, wait)
            return None
        try:
            return await self._ask_and_repair(provider, prompt, run, sharers)
        except ProviderError as exc:
            self._breaker.failed(provider.name, exc.failure, exc.retry_after, self._clock())
            run.gave_up(str(exc), exc.failure, exc.retry_after)
        except InvalidAnswer as exc:
            self._breaker.failed(provider.name, Failure.INVALID_ANSWER, None, self._clock())
            run.gave_up(f"{provider.name}: invalid answer: {exc}", Failure.INVALID_ANSWER)
        return None

    async def _ask_and_repair(
        self, provider: Provider, prompt: Prompt, run: _Run[T], sharers: int
    ) -> _Found[T]:
        """Raises ProviderError, or InvalidAnswer when the repaired answer is no better."""
        completion, started = await self._call(provider, prompt, run, sharers)
        try:
            return self._judged(provider, completion, run, started)
        except InvalidAnswer as exc:
            if self._seconds_left(run) <= 0:
                raise
            repair = prompt.with_repair(completion.text, str(exc))
        completion, started = await self._call(provider, repair, run, sharers)
        return self._judged(provider, completion, run, started)

    async def _call(
        self, provider: Provider, prompt: Prompt, run: _Run[T], sharers: int
    ) -> tuple[Completion, float]:
        """The completion and when the call began. Raises ProviderError, after noting the call."""
        started = self._clock()
        timeout = min(self._call_timeout, self._seconds_left(run) / sharers)
        try:
            completion = await provider.complete(prompt, timeout=timeout, request_id=run.request_id)
        except ProviderError as exc:
            self._note(run, provider, provider.model, Usage(), started, exc.failure.value, exc.status)
            raise
        model = plain_model_name(completion.model, provider.model)
        return replace(completion, model=model), started

    def _judged(self, provider: Provider, completion: Completion, run: _Run[T], started: float) -> _Found[T]:
        """Raises InvalidAnswer, after noting the call."""
        try:
            value = run.parse(completion.text)
        except InvalidAnswer:
            outcome = Failure.INVALID_ANSWER.value
            self._note(run, provider, completion.model, completion.usage, started, outcome, None)
            raise
        self._note(run, provider, completion.model, completion.usage, started, "ok", None)
        self._breaker.succeeded(provider.name)
        return _Found(value=value, model=completion.model)

    def _note(
        self,
        run: _Run[T],
        provider: Provider,
        model: str,
        usage: Usage,
        started: float,
        outcome: str,
        status: int | None,
    ) -> None:
        record = CallRecord(
            provider=provider.name,
            model=model,
            usage=usage,
            cost_usd=self._price(provider.name, model, usage),
            latency_ms=round((self._clock() - started) * 1_000),
            outcome=outcome,
        )
        run.calls.append(record)
        if outcome != "ok":
            _log.warning(
                "model call failed",
                extra={
                    "provider": record.provider,
                    "outcome": outcome,
                    "status": status,
                    "latency_ms": record.latency_ms,
                },
            )

    def _seconds_left(self, run: _Run[T]) -> float:
        return run.deadline - self._clock()
