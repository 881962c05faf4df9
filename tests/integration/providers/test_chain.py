"""Falling back, repairing and giving up, with real adapters against the fake servers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator

import pytest

from core.errors import Failure, InvalidAnswer
from tests.fakes.running import ModelServer
from worker.providers.answers import parse_json_object
from worker.providers.base import Answer, ChainFailed, Prompt
from worker.providers.breaker import Breaker
from worker.providers.fallback import Chain
from worker.providers.gemini import GeminiProvider
from worker.providers.openai import OpenAIProvider

_KEY = "sk-test-4f1b9c-do-not-leak"


class Clock:
    """Real time, that a test can push forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def chain(models: ModelServer, clock: Clock) -> AsyncIterator[Chain]:
    chain = Chain(
        [
            OpenAIProvider(api_key=_KEY, model="gpt-6-luna", base_url=models.openai_base_url),
            GeminiProvider(api_key=_KEY, model="gemini-3.5-flash-lite", base_url=models.gemini_base_url),
        ],
        breaker=Breaker(failures=2, open_seconds=30),
        call_timeout=5,
        clock=clock,
    )
    yield chain
    await chain.aclose()


def _root_cause(text: str) -> str:
    found = parse_json_object(text).get("root_cause")
    if not isinstance(found, str):
        raise InvalidAnswer("root_cause is missing")
    return found


async def _ask(chain: Chain, prompt: Prompt, *, budget_seconds: float = 20) -> Answer[str]:
    return await chain.ask(prompt, _root_cause, budget_seconds=budget_seconds, request_id="req-1")


def _outcomes(answer: Answer[str] | ChainFailed) -> list[tuple[str, str]]:
    return [(call.provider, call.outcome) for call in answer.calls]


async def test_the_first_provider_answers(chain: Chain, models: ModelServer, prompt: Prompt) -> None:
    answer = await _ask(chain, prompt)

    assert answer.value == "An example of root cause."
    assert (answer.provider, answer.model) == ("openai", "gpt-6-luna")
    (call,) = answer.calls
    assert call.outcome == "ok"
    assert call.usage.input > 0
    assert call.cost_usd is not None
    assert 0 < call.cost_usd < 0.01
    assert 0 <= call.latency_ms < 5_000
    assert not models.calls("gemini")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("500", "retryable"),
        ("quota", "quota"),
        ("401", "auth"),
        ("refusal", "rejected"),
        ("cut", "retryable"),
    ],
)
async def test_the_second_takes_over(
    chain: Chain, models: ModelServer, prompt: Prompt, fault: str, outcome: str
) -> None:
    models.script("openai", fault)
    answer = await _ask(chain, prompt)

    assert answer.provider == "gemini"
    assert _outcomes(answer) == [("openai", outcome), ("gemini", "ok")]
    assert len(models.calls("openai")) == 1


async def test_retry_after_keeps_the_first_provider_closed(
    chain: Chain, models: ModelServer, prompt: Prompt, clock: Clock
) -> None:
    models.script("openai", {"fault": "429", "retry_after": 20})
    assert _outcomes(await _ask(chain, prompt)) == [("openai", "retryable"), ("gemini", "ok")]
    assert _outcomes(await _ask(chain, prompt)) == [("gemini", "ok")]

    clock.ahead = 21
    assert _outcomes(await _ask(chain, prompt)) == [("openai", "ok")]


async def test_a_hanging_provider_leaves_time_for_the_next(
    chain: Chain, models: ModelServer, prompt: Prompt
) -> None:
    models.script("openai", {"fault": "hang", "seconds": 20})
    started = time.monotonic()
    answer = await _ask(chain, prompt, budget_seconds=2)

    assert answer.provider == "gemini"
    assert 0.9 < time.monotonic() - started < 2


@pytest.mark.parametrize("fault", ["invalid_json_answer", "wrong_schema", "length"])
async def test_an_invalid_answer_is_repaired_once(
    chain: Chain, models: ModelServer, prompt: Prompt, fault: str
) -> None:
    models.script("openai", fault)
    answer = await _ask(chain, prompt)

    assert _outcomes(answer) == [("openai", "invalid_answer"), ("openai", "ok")]
    assert all(call.usage.output > 0 for call in answer.calls)
    assert "Your previous answer was not valid" in str(models.calls("openai")[1]["body"])


async def test_two_invalid_answers_are_enough(chain: Chain, models: ModelServer, prompt: Prompt) -> None:
    models.script("openai", then="invalid_json_answer")
    answer = await _ask(chain, prompt)

    assert _outcomes(answer) == [("openai", "invalid_answer")] * 2 + [("gemini", "ok")]


async def test_when_all_are_down_it_may_work_later(
    chain: Chain, models: ModelServer, prompt: Prompt, caplog: pytest.LogCaptureFixture
) -> None:
    models.script("openai", {"fault": "429", "retry_after": 9})
    models.script("gemini", {"fault": "503", "headers": {"retry-after": "4"}})
    with caplog.at_level(logging.WARNING), pytest.raises(ChainFailed) as caught:
        await _ask(chain, prompt)

    assert (caught.value.failure, caught.value.retry_after) == (Failure.RETRYABLE, 4)
    assert _outcomes(caught.value) == [("openai", "retryable"), ("gemini", "retryable")]
    assert str(caught.value) == "openai: HTTP 429 rate_limit_exceeded; gemini: HTTP 503 UNAVAILABLE"
    logged = [vars(record) for record in caplog.records if record.name == "worker.providers.fallback"]
    assert [(line["provider"], line["outcome"], line["status"]) for line in logged] == [
        ("openai", "retryable", 429),
        ("gemini", "retryable", 503),
    ]
    assert "CONFIDENTIAL" not in caplog.text


async def test_open_circuits_say_when_to_come_back(
    chain: Chain, models: ModelServer, prompt: Prompt, clock: Clock
) -> None:
    models.script("openai", then={"fault": "429", "retry_after": 100})
    models.script("gemini", then="500")
    for _ in range(2):
        with pytest.raises(ChainFailed):
            await _ask(chain, prompt)
    with pytest.raises(ChainFailed) as caught:
        await _ask(chain, prompt)
    assert caught.value.failure is Failure.RETRYABLE
    assert caught.value.retry_after == pytest.approx(30, abs=2)
    assert caught.value.calls == ()

    clock.ahead = 31
    models.script("gemini")
    assert _outcomes(await _ask(chain, prompt)) == [("gemini", "ok")]


async def test_nothing_hopeful_is_left(chain: Chain, models: ModelServer, prompt: Prompt) -> None:
    models.script("openai", "401")
    models.script("gemini", "refusal")
    with pytest.raises(ChainFailed) as caught:
        await _ask(chain, prompt)

    assert (caught.value.failure, caught.value.retry_after) == (Failure.AUTH, None)


async def test_without_providers() -> None:
    chain = Chain([], breaker=Breaker(), call_timeout=5)
    prompt = Prompt(system="", user="", schema_name="x", schema={})
    with pytest.raises(ChainFailed, match="no model provider is configured") as caught:
        await chain.ask(prompt, str, budget_seconds=5, request_id="req-1")

    assert caught.value.failure is Failure.AUTH


async def test_cancelling_is_not_swallowed(chain: Chain, models: ModelServer, prompt: Prompt) -> None:
    models.script("openai", {"fault": "hang", "seconds": 5})
    task = asyncio.create_task(_ask(chain, prompt))
    await asyncio.sleep(0.2)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert not models.calls("gemini")


async def test_many_at_once(chain: Chain, models: ModelServer, prompt: Prompt) -> None:
    models.script("openai", *["invalid_json_answer"] * 5)
    answers = await asyncio.gather(*(_ask(chain, prompt) for _ in range(20)))

    assert {answer.value for answer in answers} == {"An example of root cause."}
    asked = sum(len(answer.calls) for answer in answers)
    assert asked == len(models.calls()) == 25
