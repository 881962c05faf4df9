"""What the fake models are told to do next, and what they have been asked so far."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.fakes.model_answers import Json, mapping
from tests.fakes.model_poison import Poison

PROVIDERS = ("openai", "gemini")
_CALLS_KEPT = 10_000
# What a log of calls must never hold, whoever sends it.
_SECRET_HEADERS = frozenset({"authorization", "x-goog-api-key", "api-key"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One step of a script. `name` is a word of `wire`'s modules or an HTTP status as text.

    `seconds` is how long to hang, drip or wait; `headers` are added to an error's.
    """

    name: str = "ok"
    seconds: float = 30.0
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, step: Json) -> Fault:
        """From `{"fault": "429", "retry_after": 2}` or just `"429"`. Raises ValueError."""
        if isinstance(step, str):
            return cls(name=step)
        told = mapping(step)
        name, asked = str(told.get("fault") or ""), told.get("retry_after")
        if not name:
            raise ValueError('each step of a script needs a "fault"')
        return cls(
            name=name,
            seconds=float(str(told.get("seconds", 30.0))),
            retry_after=None if asked is None else float(str(asked)),
            headers={key: str(value) for key, value in mapping(told.get("headers")).items()},
        )


@dataclass(kw_only=True, slots=True)
class Plan:
    """One provider's coming answers: the script's steps, then `then` for ever."""

    script: deque[Fault] = field(default_factory=deque)
    then: Fault = field(default_factory=Fault)
    answer: Json = None
    model: str | None = None

    def next_fault(self) -> Fault:
        return self.script.popleft() if self.script else self.then

    def update(self, told: Mapping[str, Json]) -> None:
        """Change only what is named. Raises ValueError for an unknown word or a bad step."""
        unknown = told.keys() - {"provider", "script", "then", "answer", "model"}
        if unknown:
            raise ValueError(f"unknown words: {', '.join(sorted(unknown))}")
        if "script" in told:
            steps = told["script"]
            if not isinstance(steps, list):
                raise ValueError("script is a list of steps")
            self.script = deque(Fault.read(step) for step in steps)
            self.then = Fault()
        if "then" in told:
            self.then = Fault.read(told["then"])
        if "answer" in told:
            self.answer = told["answer"]
        if "model" in told:
            self.model = None if told["model"] is None else str(told["model"])


class State:
    """All that a running fake remembers. One event loop uses it, so there are no locks."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.calls: deque[dict[str, Json]] = deque()
        self.poison: Poison | None = None
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        self.plans = {provider: Plan() for provider in PROVIDERS}
        self.calls = deque(maxlen=_CALLS_KEPT)
        self.poison = None

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """While a call waits for its answer."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def record(
        self, *, provider: str, model: str, headers: Mapping[str, str], body: Json, outcome: str
    ) -> None:
        """`outcome` is the fault's name, `rejected` where the request itself was wrong, or `poison`.

        The call is noted with the time `at` which its request had come in whole, in seconds of the epoch.
        """
        self.calls.append(
            {
                "provider": provider,
                "model": model,
                "headers": {
                    key: value for key, value in headers.items() if key.lower() not in _SECRET_HEADERS
                },
                "body": body,
                "outcome": outcome,
                "at": time.time(),
            }
        )
