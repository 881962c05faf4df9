"""What a call cost, by the price list that the installed genai-prices brings. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from worker.providers.base import Usage

Prices = Mapping[str, Mapping[str, float]]
"""By model: `input`, `cached_input` and `output`, in USD per million tokens."""

# The ledger's names, as the price list has them.
_VENDORS = {"openai": "openai", "gemini": "google"}


def with_overrides(overrides: Prices) -> Callable[[str, str, Usage], float | None]:
    """`cost_usd` with prices of one's own, which come first."""
    return partial(cost_usd, overrides=overrides)


def cost_usd(provider: str, model: str, usage: Usage, overrides: Prices | None = None) -> float | None:
    """US dollars at today's prices, or None for a model that the list does not know.

    Cached input is charged at its own rate. The offline analyser (`heuristic`) is free.
    """
    if provider == "heuristic":
        return 0.0
    if overrides and model in overrides:
        return _by_price(overrides[model], usage)
    vendor = _VENDORS.get(provider)
    if vendor is None:
        return None
    # Imported at the first use: the list takes 0.2 s to load.
    import genai_prices  # noqa: PLC0415

    try:
        price = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.input, cache_read_tokens=usage.cached_input, output_tokens=usage.output
            ),
            model_ref=model.removeprefix("models/"),
            provider_id=vendor,
        )
    except (LookupError, ValueError):
        # ValueError: token counts that contradict each other, such as more cached than sent.
        return None
    return float(price.total_price)


def _by_price(price: Mapping[str, float], usage: Usage) -> float:
    fresh = usage.input - usage.cached_input
    per_input = price.get("input", 0.0)
    cached = usage.cached_input * price.get("cached_input", per_input)
    return (fresh * per_input + cached + usage.output * price.get("output", 0.0)) / 1_000_000
