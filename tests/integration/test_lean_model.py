"""The benchmarks' model server answers as a model would, after the time it was told, and counts who waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from core.domain.event import EventContent
from tests.load.lean_model import QUOTE, Counts, LeanModel, running_lean_model
from worker.prompts import analysis
from worker.providers.base import Completion
from worker.providers.openai import OpenAIProvider

_EVENT = EventContent(message="Payment failed", status_code=500, stack=f"in pay\n{QUOTE}")


@pytest.fixture(scope="module")
def model() -> Iterator[LeanModel]:
    with running_lean_model() as running:
        yield running


async def _ask(model: LeanModel, times: int) -> list[Completion]:
    provider = OpenAIProvider(api_key="k", base_url=model.openai_base_url, model="lean")
    prompt = analysis.build(_EVENT)
    try:
        return await asyncio.gather(
            *(provider.complete(prompt, timeout=10, request_id=str(n)) for n in range(times))
        )
    finally:
        await provider.aclose()


async def test_its_answer_is_an_analysis_whose_quote_holds(model: LeanModel) -> None:
    [completion] = await _ask(model, 1)
    found = analysis.read(completion.text, _EVENT)
    assert found.evidence == (QUOTE,)
    assert completion.usage.input == 900


async def test_it_counts_who_waits_at_one_time(model: LeanModel) -> None:
    model.set_latency(0.5)
    started = time.monotonic()
    await _ask(model, 12)
    assert time.monotonic() - started >= 0.5
    assert model.counts() == Counts(calls=12, most=12)
    model.set_latency(0)
    assert model.counts() == Counts(calls=0, most=0)
