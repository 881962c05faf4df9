"""Costs, from the price list that is installed."""

from __future__ import annotations

import pytest

from worker.providers.base import Usage
from worker.providers.pricing import cost_usd, with_overrides

_USAGE = Usage(input=1_000, output=500, cached_input=200)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-6-luna"),
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("gemini", "gemini-3.5-flash-lite"),
        ("gemini", "models/gemini-2.5-flash"),
    ],
)
def test_a_known_model_costs_something_small(provider: str, model: str) -> None:
    cost = cost_usd(provider, model, _USAGE)

    assert cost is not None
    assert 0 < cost < 0.01


def test_the_arithmetic() -> None:
    # 800 fresh at 0.15, 200 cached at 0.075 and 500 out at 0.60 dollars a million.
    assert cost_usd("openai", "gpt-4o-mini", _USAGE) == pytest.approx(0.000_435)


def test_cached_input_is_cheaper() -> None:
    fresh = cost_usd("openai", "gpt-4o-mini", Usage(input=1_000))
    cached = cost_usd("openai", "gpt-4o-mini", Usage(input=1_000, cached_input=1_000))

    assert fresh is not None
    assert cached is not None
    assert cached < fresh


def test_no_tokens_cost_nothing() -> None:
    assert cost_usd("openai", "gpt-4o-mini", Usage()) == 0


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "llama-of-mine"), ("gemini", ""), ("elsewhere", "gpt-4o-mini")]
)
def test_an_unknown_model_has_no_price(provider: str, model: str) -> None:
    assert cost_usd(provider, model, _USAGE) is None


def test_counts_that_contradict_each_other_have_no_price() -> None:
    assert cost_usd("openai", "gpt-4o-mini", Usage(input=10, cached_input=20)) is None


def test_the_offline_analyser_is_free() -> None:
    assert cost_usd("heuristic", "heuristic-1", _USAGE) == 0


def test_prices_of_ones_own_come_first() -> None:
    prices = with_overrides({"my-model": {"input": 1.0, "output": 10.0}, "gpt-6-luna": {"input": 0.0}})

    assert prices("openai", "my-model", _USAGE) == pytest.approx((1_000 * 1.0 + 500 * 10.0) / 1_000_000)
    assert prices("openai", "gpt-6-luna", _USAGE) == 0.0
    assert prices("openai", "another-model", _USAGE) is None


def test_cached_input_may_have_a_price_of_its_own() -> None:
    prices = with_overrides({"my-model": {"input": 1.0, "cached_input": 0.1, "output": 0.0}})

    assert prices("openai", "my-model", _USAGE) == pytest.approx((800 * 1.0 + 200 * 0.1) / 1_000_000)
