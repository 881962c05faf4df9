"""Before a model is asked: may it be now, and is there money for it?

The answer that fails is an exception, since it ends whatever work asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from core.errors import RootnoteError
from core.store import budget
from core.store.database import Database
from core.store.jobs import Claim
from worker.providers.base import Answer, Prompt

T = TypeVar("T")


class Models(Protocol):
    """The provider chain, as far as use cases need it."""

    async def ask(
        self, prompt: Prompt, parse: Callable[[str], T], *, budget_seconds: float, request_id: str
    ) -> Answer[T]: ...

    def estimate_usd(self, prompt: Prompt) -> float:
        """What asking may cost at most, with every fallback and repair."""


class RateLimit(Protocol):
    async def wait_for_turn(self) -> float:
        """Seconds until a call is allowed; 0 takes the turn."""

    async def aclose(self) -> None:
        """End its connections."""


_WHILE_OTHERS_HOLD = timedelta(seconds=5)
"""About as long as a model thinks."""


class NotYet(RootnoteError):
    """Other calls have this minute's turns, or hold what is left of a budget; try again after `delay`."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"no call is allowed for another {delay.total_seconds():.0f} s")
        self.delay = delay


class OverBudget(RootnoteError):
    """The cap of this `period` (`day` or `month`) leaves no room for the call."""

    def __init__(self, period: str) -> None:
        super().__init__(f"the {period}'s budget leaves no room")
        self.period = period


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """How models are asked for one kind of job. `budget_seconds` is for all calls of one job."""

    database: Database
    models: Models
    rate: RateLimit
    caps: budget.Caps
    budget_seconds: float

    async def ask(self, claim: Claim, prompt: Prompt, parse: Callable[[str], T]) -> Answer[T]:
        """Raises NotYet, OverBudget, ChainFailed."""
        # Without any cap there is nothing to hold, and no round trip to spend on it.
        usd = self.models.estimate_usd(prompt) if self.caps.any() or claim.has_cap else 0.0
        wait = await self.rate.wait_for_turn()
        if wait > 0:
            raise NotYet(timedelta(seconds=wait))
        if usd > 0:
            refused_by = await budget.hold(
                self.database,
                job_id=claim.job_id,
                project_id=claim.project_id,
                usd=usd,
                caps=self.caps,
                held_for=timedelta(seconds=2 * self.budget_seconds),
            )
            if refused_by is not None and refused_by.is_passing:
                raise NotYet(_WHILE_OTHERS_HOLD)
            if refused_by is not None:
                raise OverBudget(refused_by.period)
        return await self.models.ask(
            prompt, parse, budget_seconds=self.budget_seconds, request_id=claim.request_id
        )
