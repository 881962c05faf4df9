"""How many examples a property is held against, by the profile that hypothesis runs with."""

from __future__ import annotations

from hypothesis import settings


def many(times: int) -> int:
    """So many times as many as usual."""
    usual = settings.default
    assert usual is not None
    return times * usual.max_examples
