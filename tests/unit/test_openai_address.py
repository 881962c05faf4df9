"""Where OpenAI is, with and without a setting."""

from __future__ import annotations

import pytest

from worker.providers.openai import OpenAIProvider


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, "https://api.openai.com/v1/"), ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1/")],
)
async def test_an_empty_variable_is_no_address(
    monkeypatch: pytest.MonkeyPatch, given: str | None, expected: str
) -> None:
    """Templates say the variable also where it is blank, and the SDK reads it by itself."""
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    provider = OpenAIProvider(api_key="sk-test", model="any", base_url=given)
    assert str(provider._clients.get().base_url) == expected
    await provider.aclose()
