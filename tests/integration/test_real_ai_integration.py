"""The real OpenAI and Gemini, where OPENAI_API_KEY or GEMINI_API_KEY is set; skipped otherwise.

Costs a fraction of a cent. As a script (`python3 tests/integration/test_real_ai_integration.py`) it
prints one line for each provider and exits with 1 when one failed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

if __name__ == "__main__":
    # A script sees its own folder only.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.errors import InvalidAnswer, ProviderError
from worker.providers.answers import parse_json_object
from worker.providers.base import Completion, Prompt, Provider
from worker.providers.gemini import GeminiProvider
from worker.providers.gemini_legacy import GeminiLegacyProvider
from worker.providers.openai import OpenAIProvider
from worker.providers.pricing import cost_usd

_PROMPT = Prompt(
    system="You explain software errors. Answer with the JSON object that is asked for.",
    user="Python says: KeyError: 'user_id' in handler.py, line 12: session['user_id']",
    schema_name="explanation",
    schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["root_cause", "category", "confidence"],
        "properties": {
            "root_cause": {"type": "string", "description": "One short sentence."},
            "category": {"type": "string", "enum": ["missing_key", "timeout", "unknown"]},
            "confidence": {"type": "number", "description": "From 0 to 1."},
        },
    },
)


class _Adapter(Protocol):
    def __call__(self, *, api_key: str, model: str, base_url: str | None = None) -> Provider: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A provider, and the environment variables that say how to reach it."""

    label: str
    adapter: _Adapter
    prefix: str
    default_model: str

    @property
    def key_name(self) -> str:
        return f"{self.prefix}_API_KEY"

    def build(self) -> Provider | None:
        """None when there is no key."""
        key = os.environ.get(self.key_name)
        if not key:
            return None
        return self.adapter(
            api_key=key,
            model=os.environ.get(f"{self.prefix}_MODEL") or self.default_model,
            base_url=os.environ.get(f"{self.prefix}_BASE_URL") or None,
        )


_TARGETS = (
    Target(label="openai", adapter=OpenAIProvider, prefix="OPENAI", default_model="gpt-6-luna"),
    Target(label="gemini", adapter=GeminiProvider, prefix="GEMINI", default_model="gemini-3.5-flash-lite"),
    Target(
        label="gemini (google-generativeai)",
        adapter=GeminiLegacyProvider,
        prefix="GEMINI",
        default_model="gemini-3.5-flash-lite",
    ),
)


async def _ask(provider: Provider) -> Completion:
    try:
        return await provider.complete(_PROMPT, timeout=60, request_id="rootnote-integration-test")
    finally:
        await provider.aclose()


@pytest.mark.parametrize("target", _TARGETS, ids=lambda target: target.label)
async def test_the_real_provider_answers_by_the_schema(target: Target) -> None:
    provider = target.build()
    if provider is None:
        pytest.skip(f"{target.key_name} is not set")
    completion = await _ask(provider)

    answer = parse_json_object(completion.text)
    assert answer.keys() == {"root_cause", "category", "confidence"}
    assert answer["category"] in {"missing_key", "timeout", "unknown"}
    assert completion.model
    assert completion.usage.input > 0
    assert completion.usage.output > 0


def _report(target: Target) -> tuple[str, bool]:
    """One line, and whether it is good news."""
    provider = target.build()
    if provider is None:
        return f"{target.label}: SKIPPED {target.key_name} is not set", True
    started = time.monotonic()
    try:
        completion = asyncio.run(_ask(provider))
        parse_json_object(completion.text)
    except (ProviderError, InvalidAnswer) as exc:
        return f"{target.label}: FAILED {exc}", False
    seconds = time.monotonic() - started
    usage = completion.usage
    cost = cost_usd(provider.name, completion.model, usage)
    price = "price unknown" if cost is None else f"${cost:.6f}"
    return (
        f"{target.label}: OK {completion.model} {seconds:.1f} s {usage.input}+{usage.output} tokens {price}",
        True,
    )


def main() -> int:
    """0 when nothing failed; a skipped provider is no failure."""
    reports = [_report(target) for target in _TARGETS]
    sys.stdout.writelines(f"{line}\n" for line, _ in reports)
    return 0 if all(good for _, good in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
