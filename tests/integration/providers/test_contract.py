"""What every adapter promises, held against the real SDKs and a real server on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Protocol

import pytest

from core.errors import Failure, ProviderError
from tests.fakes.running import ModelServer
from worker.providers.base import Completion, Prompt, Provider, Usage
from worker.providers.gemini import GeminiProvider
from worker.providers.gemini_legacy import GeminiLegacyProvider
from worker.providers.openai import OpenAIProvider

_KEY = "sk-test-4f1b9c-do-not-leak"


class _Adapter(Protocol):
    def __call__(self, *, api_key: str, model: str, base_url: str | None = None) -> Provider: ...


_ADAPTERS: dict[str, _Adapter] = {
    "openai": OpenAIProvider,
    "gemini": GeminiProvider,
    "gemini_legacy": GeminiLegacyProvider,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """An adapter under test and the server that it talks to."""

    adapter: str
    provider: Provider
    models: ModelServer

    @property
    def name(self) -> str:
        return self.provider.name

    def script(self, *steps: str | Mapping[str, object]) -> None:
        self.models.script(self.name, *steps)


def _build(adapter: str, models: ModelServer, *, key: str = _KEY) -> Provider:
    url = models.openai_base_url if adapter == "openai" else models.gemini_base_url
    return _ADAPTERS[adapter](api_key=key, model="test-model", base_url=url)


@pytest.fixture(params=list(_ADAPTERS))
async def subject(request: pytest.FixtureRequest, models: ModelServer) -> AsyncIterator[Subject]:
    provider = _build(request.param, models)
    yield Subject(adapter=request.param, provider=provider, models=models)
    await provider.aclose()


async def _failure(subject: Subject, prompt: Prompt, *, timeout_seconds: float = 5) -> ProviderError:
    """The error of one call, after checking that it gives nothing away."""
    with pytest.raises(ProviderError) as caught:
        await subject.provider.complete(prompt, timeout=timeout_seconds, request_id="req-1")
    message = str(caught.value)
    assert _KEY not in message
    assert "CONFIDENTIAL" not in message
    assert message.startswith(f"{subject.name}: ")
    return caught.value


async def test_an_answer_fits_the_schema_and_is_counted(subject: Subject, prompt: Prompt) -> None:
    subject.models.says_model(subject.name, "test-model-2026-01-01")
    completion = await subject.provider.complete(prompt, timeout=5, request_id="req-1")

    answer = json.loads(completion.text)
    assert answer.keys() == {"root_cause", "category", "evidence", "confidence", "inconclusive"}
    assert answer["category"] == "missing_key"
    assert answer["confidence"] == 0.8
    assert completion.model == "test-model-2026-01-01"
    assert completion.usage.input > 10
    assert completion.usage.output == 5 + len(completion.text) // 4
    assert completion.usage.cached_input == 8


async def test_what_goes_out(subject: Subject, prompt: Prompt) -> None:
    await subject.provider.complete(prompt, timeout=5, request_id="req-42")

    (call,) = subject.models.calls(subject.name)
    assert call["model"] == "test-model"
    headers = call["headers"]
    assert isinstance(headers, dict)
    assert headers["x-request-id"] == "req-42"
    sent = json.dumps(call["body"])
    for part in (prompt.system, "CONFIDENTIAL", "missing_key", "2000"):
        assert part in sent


@pytest.mark.parametrize(
    ("fault", "failure", "status"),
    [
        ("429", Failure.RETRYABLE, 429),
        ("quota", Failure.QUOTA, 429),
        ("402", Failure.QUOTA, 402),
        ("408", Failure.RETRYABLE, 408),
        ("409", Failure.RETRYABLE, 409),
        ("500", Failure.RETRYABLE, 500),
        ("503", Failure.RETRYABLE, 503),
        ("401", Failure.AUTH, 401),
        ("403", Failure.AUTH, 403),
        ("404", Failure.AUTH, 404),
        ("400", Failure.REJECTED, 400),
        ("413", Failure.REJECTED, 413),
        ("422", Failure.REJECTED, 422),
        ("refusal", Failure.REJECTED, 200),
        ("content_filter", Failure.REJECTED, 200),
        ("garbage", Failure.RETRYABLE, 200),
        ("html", Failure.RETRYABLE, 200),
        ("strange", Failure.RETRYABLE, 200),
        ("cut", Failure.RETRYABLE, None),
    ],
)
async def test_a_fault_is_classed_and_never_retried(
    subject: Subject, prompt: Prompt, fault: str, failure: Failure, status: int | None
) -> None:
    subject.script(fault)
    error = await _failure(subject, prompt)

    assert (error.failure, error.status, error.retry_after) == (failure, status, None)
    assert len(subject.models.calls(subject.name)) == 1


async def test_an_unknown_key_is_for_a_person(subject: Subject, prompt: Prompt) -> None:
    provider = _build(subject.adapter, subject.models, key="bad-key")
    with pytest.raises(ProviderError) as caught:
        await provider.complete(prompt, timeout=5, request_id="req-1")
    await provider.aclose()

    assert caught.value.failure is Failure.AUTH
    assert "bad-key" not in str(caught.value)


async def test_the_providers_own_wait_is_read(subject: Subject, prompt: Prompt) -> None:
    subject.script({"fault": "429", "retry_after": 2.5})

    assert (await _failure(subject, prompt)).retry_after == 2.5


async def test_retry_after_is_read_in_all_its_forms(subject: Subject, prompt: Prompt) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    subject.script(
        {"fault": "503", "headers": {"retry-after": "7"}},
        {"fault": "429", "headers": {"retry-after": "8", "retry-after-ms": "7500"}},
        {"fault": "429", "headers": {"retry-after": soon}},
        {"fault": "429", "headers": {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}},
        {"fault": "429", "headers": {"retry-after": "whenever"}},
    )
    waits = [(await _failure(subject, prompt)).retry_after for _ in range(5)]

    assert waits[:2] == [7, 7.5]
    assert waits[2] == pytest.approx(90, abs=5)
    assert waits[3:] == [0, None]


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_the_time_out_is_the_whole_calls(subject: Subject, prompt: Prompt, fault: str) -> None:
    subject.script({"fault": fault, "seconds": 20})
    started = time.monotonic()
    error = await _failure(subject, prompt, timeout_seconds=0.5)

    assert time.monotonic() - started < 1.5
    assert error.failure is Failure.RETRYABLE
    assert "0.5 s" in str(error)


@pytest.mark.parametrize("adapter", list(_ADAPTERS))
@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_nothing_is_left_running_after_a_time_out(
    adapter: str, fault: str, models: ModelServer, prompt: Prompt
) -> None:
    provider = _build(adapter, models)
    models.script(provider.name, {"fault": fault, "seconds": 20})

    async def ask() -> None:
        with pytest.raises(ProviderError):
            await provider.complete(prompt, timeout=0.5, request_id="req-1")
        await provider.aclose()

    started = time.monotonic()
    # The end of a loop waits for its threads.
    asyncio.run(ask())
    assert time.monotonic() - started < 2


async def test_half_of_a_surrogate_pair_is_no_obstacle(subject: Subject, prompt: Prompt) -> None:
    broken = replace(prompt, user="before \ud800 after")
    assert (await subject.provider.complete(broken, timeout=5, request_id="req-1")).text

    assert "before ? after" in json.dumps(subject.models.calls(subject.name)[0]["body"])


async def test_nobody_listens(subject: Subject, prompt: Prompt) -> None:
    provider = _ADAPTERS[subject.adapter](api_key=_KEY, model="m", base_url="http://127.0.0.1:9")
    with pytest.raises(ProviderError) as caught:
        await provider.complete(prompt, timeout=5, request_id="req-1")
    await provider.aclose()

    assert caught.value.failure is Failure.RETRYABLE


async def test_an_answer_that_was_cut_off_is_returned_and_counted(subject: Subject, prompt: Prompt) -> None:
    subject.script("length")
    completion = await subject.provider.complete(prompt, timeout=5, request_id="req-1")

    with pytest.raises(json.JSONDecodeError):
        json.loads(completion.text)
    assert completion.usage != Usage()


async def test_calls_run_side_by_side(subject: Subject, prompt: Prompt) -> None:
    subject.script(*[{"fault": "latency", "seconds": 0.5}] * 4)
    started = time.monotonic()
    answers: list[Completion] = await asyncio.gather(
        *(subject.provider.complete(prompt, timeout=5, request_id=f"req-{n}") for n in range(4))
    )

    assert time.monotonic() - started < 1.5
    assert len({answer.text for answer in answers}) == 1
    assert len(subject.models.calls(subject.name)) == 4


async def test_cancelling_is_not_swallowed(subject: Subject, prompt: Prompt) -> None:
    subject.script({"fault": "hang", "seconds": 2})
    task = asyncio.create_task(subject.provider.complete(prompt, timeout=1, request_id="req-1"))
    await asyncio.sleep(0.2)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("adapter", list(_ADAPTERS))
def test_one_provider_serves_one_event_loop_after_the_other(
    adapter: str, models: ModelServer, prompt: Prompt
) -> None:
    provider = _build(adapter, models)

    async def ask() -> str:
        try:
            return (await provider.complete(prompt, timeout=5, request_id="req-1")).text
        finally:
            await provider.aclose()

    assert asyncio.run(ask()) == asyncio.run(ask())


@pytest.mark.parametrize("adapter", list(_ADAPTERS))
async def test_two_providers_do_not_share_their_keys(
    adapter: str, models: ModelServer, prompt: Prompt
) -> None:
    good, bad = _build(adapter, models), _build(adapter, models, key="bad-key")
    with pytest.raises(ProviderError):
        await bad.complete(prompt, timeout=5, request_id="req-1")

    assert (await good.complete(prompt, timeout=5, request_id="req-2")).text
    await good.aclose()
    await bad.aclose()
