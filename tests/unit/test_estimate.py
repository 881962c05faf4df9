"""What a budget holds before a call."""

from __future__ import annotations

from dataclasses import dataclass

from worker.providers.base import Completion, Prompt, Usage
from worker.providers.breaker import Breaker
from worker.providers.fallback import Chain


@dataclass(kw_only=True)
class Silent:
    """A provider that is never asked here."""

    name: str
    model: str

    async def complete(self, prompt: Prompt, *, timeout: float, request_id: str) -> Completion:
        raise AssertionError

    async def aclose(self) -> None:
        raise AssertionError


def price(provider: str, model: str, usage: Usage) -> float | None:
    per_token = {"cheap": 1.0, "dear": 2.0}.get(model)
    return None if per_token is None else per_token * (usage.input + usage.output)


def chain(*models: str) -> Chain:
    providers = [Silent(name="openai", model=model) for model in models]
    return Chain(providers, breaker=Breaker(), call_timeout=1, price=price)


PROMPT = Prompt(system="s" * 30, user="u" * 60, schema_name="n", schema={}, max_output_tokens=70)


def test_every_model_counts_with_two_full_answers() -> None:
    assert chain("cheap", "dear").estimate_usd(PROMPT) == 2 * (1.0 + 2.0) * (90 // 3 + 70)


def test_unknown_prices_count_nothing() -> None:
    assert chain("unknown").estimate_usd(PROMPT) == 0.0
    assert chain("unknown", "cheap").estimate_usd(PROMPT) == 200.0
    assert chain().estimate_usd(PROMPT) == 0.0
