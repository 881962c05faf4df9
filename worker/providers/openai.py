"""OpenAI, and any server that speaks its chat completions. The only file that knows the SDK."""

from __future__ import annotations

import asyncio

import httpx2
import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from openai.types.shared_params import ResponseFormatJSONSchema

from core.errors import Failure, ProviderError
from worker.providers import http_failure
from worker.providers.answers import encodable
from worker.providers.base import Completion, Prompt, Usage
from worker.providers.per_loop import PerLoop

_DEFAULT_URL = "https://api.openai.com/v1"
_NAME = "openai"
# Said with a 429 or a 400; waiting mends none of them.
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


class OpenAIProvider:
    """Asks by chat completions, since that is what compatible servers have in common.

    An answer cut off at `max_output_tokens` is returned as it is: its tokens were paid for and
    belong in the ledger, and the parser will find it invalid. Thinking counts towards that limit.
    404 (unknown model) is AUTH, see `http_failure`.
    """

    def __init__(self, *, api_key: str, model: str, base_url: str | None = None) -> None:
        self._model = model
        # Without an address the SDK reads OPENAI_BASE_URL by itself, and takes an empty one for an address.
        url = base_url or _DEFAULT_URL
        self._clients = PerLoop(lambda: openai.AsyncOpenAI(api_key=api_key, base_url=url, max_retries=0))

    @property
    def name(self) -> str:
        return _NAME

    @property
    def model(self) -> str:
        return self._model

    async def complete(self, prompt: Prompt, *, timeout: float, request_id: str) -> Completion:
        """See `Provider.complete`."""
        try:
            # The SDK's time-out is for each read, so a server that drips would never meet it.
            async with asyncio.timeout(timeout):
                answer = await self._ask(prompt, timeout, request_id)
        except (TimeoutError, openai.APITimeoutError) as exc:
            raise http_failure.timed_out(_NAME, timeout) from exc
        except openai.APIStatusError as exc:
            raise _status_error(exc) from exc
        except (openai.APIConnectionError, httpx2.HTTPError) as exc:
            raise http_failure.disconnected(_NAME, exc) from exc
        except (openai.OpenAIError, ValueError, TypeError) as exc:
            raise http_failure.unreadable(_NAME) from exc
        return _completion(answer, self._model)

    async def aclose(self) -> None:
        client = self._clients.pop()
        if client is not None:
            await client.close()

    async def _ask(self, prompt: Prompt, seconds: float, request_id: str) -> object:
        wanted: ResponseFormatJSONSchema = {
            "type": "json_schema",
            "json_schema": {"name": prompt.schema_name, "strict": True, "schema": dict(prompt.schema)},
        }
        # The declared type is ChatCompletion, but a body that is not JSON comes back as a str.
        answer: object = await self._clients.get().chat.completions.create(
            model=self._model,
            messages=[
                {"role": "system", "content": encodable(prompt.system)},
                {"role": "user", "content": encodable(prompt.user)},
            ],
            response_format=wanted,
            max_completion_tokens=prompt.max_output_tokens,
            extra_headers={"X-Request-ID": request_id},
            timeout=seconds,
        )
        return answer


def preload() -> None:
    """Have the SDK load what it loads at its first use. Opens no connection."""
    _ = openai.AsyncOpenAI(api_key="none", base_url=_DEFAULT_URL).chat.completions


def _status_error(exc: openai.APIStatusError) -> ProviderError:
    code = http_failure.safe_code(exc.code, exc.type)
    quota = not _QUOTA_CODES.isdisjoint({exc.code, exc.type})
    return http_failure.http_error(
        _NAME,
        exc.status_code,
        code=code,
        failure=Failure.QUOTA if quota else None,
        wait=http_failure.retry_after(exc.response.headers),
    )


def _completion(answer: object, asked: str) -> Completion:
    """Raises ProviderError. The SDK builds its objects unchecked: any field may be missing."""
    if not isinstance(answer, ChatCompletion) or not getattr(answer, "choices", None):
        raise http_failure.unreadable(_NAME)
    choice = answer.choices[0]
    message = getattr(choice, "message", None)
    if message is None:
        raise http_failure.unreadable(_NAME)
    if message.refusal:
        raise http_failure.refused(_NAME, "refusal")
    if choice.finish_reason == "content_filter":
        raise http_failure.refused(_NAME, "content_filter")
    return Completion(text=message.content or "", model=answer.model or asked, usage=_usage(answer.usage))


def _usage(usage: CompletionUsage | None) -> Usage:
    if usage is None:
        return Usage()
    details = usage.prompt_tokens_details
    return Usage(
        input=usage.prompt_tokens or 0,
        output=usage.completion_tokens or 0,
        cached_input=(details.cached_tokens or 0) if details else 0,
    )
