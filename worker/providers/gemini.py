"""Gemini through `google-genai`, the maintained SDK. The only file that knows it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
from google import genai
from google.genai import errors, types

from core.errors import ProviderError
from worker.providers import gemini_failure, http_failure
from worker.providers.answers import encodable
from worker.providers.base import Completion, Prompt, Usage
from worker.providers.per_loop import PerLoop

_NAME = "gemini"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Client:
    """The SDK's client and the connections under it, which the SDK leaves to us to close."""

    sdk: genai.Client
    http: httpx2.AsyncClient


class GeminiProvider:
    """Asks by generateContent with a JSON Schema.

    An answer cut off at `max_output_tokens` is returned as it is: its tokens were paid for and
    belong in the ledger, and the parser will find it invalid. Thinking counts towards that limit.
    404 (unknown model) is AUTH, see `http_failure`.
    """

    def __init__(self, *, api_key: str, model: str, base_url: str | None = None) -> None:
        self._model = model

        def build() -> _Client:
            # With a client of ours the SDK stays on httpx2: where aiohttp happens to be installed it
            # would take that, and sleep up to 10 s before a silent retry. `vertexai` is said outright,
            # or GOOGLE_GENAI_USE_VERTEXAI in the environment would decide.
            http = httpx2.AsyncClient()
            options = types.HttpOptions(base_url=base_url, httpx_async_client=http)
            return _Client(sdk=genai.Client(api_key=api_key, vertexai=False, http_options=options), http=http)

        self._clients = PerLoop(build)

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
        except (TimeoutError, httpx2.TimeoutException) as exc:
            raise http_failure.timed_out(_NAME, timeout) from exc
        except errors.APIError as exc:
            raise _status_error(exc) from exc
        except httpx2.HTTPError as exc:
            raise http_failure.disconnected(_NAME, exc) from exc
        except (ValueError, TypeError, AttributeError) as exc:
            raise http_failure.unreadable(_NAME) from exc
        return _completion(answer, self._model)

    async def aclose(self) -> None:
        client = self._clients.pop()
        if client is not None:
            client.sdk.close()
            await client.http.aclose()

    async def _ask(self, prompt: Prompt, seconds: float, request_id: str) -> types.GenerateContentResponse:
        return await self._clients.get().sdk.aio.models.generate_content(
            model=self._model,
            contents=encodable(prompt.user),
            config=types.GenerateContentConfig(
                system_instruction=encodable(prompt.system),
                max_output_tokens=prompt.max_output_tokens,
                response_mime_type="application/json",
                response_json_schema=dict(prompt.schema),
                # Both would make further calls inside this one.
                automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
                automatic_continuation=False,
                http_options=types.HttpOptions(
                    timeout=max(1, round(seconds * 1_000)), headers={"X-Request-ID": request_id}
                ),
            ),
        )


def _status_error(exc: errors.APIError) -> ProviderError:
    headers = getattr(exc.response, "headers", None)
    return gemini_failure.status_error(
        _NAME, exc.code, exc.details, headers if isinstance(headers, Mapping) else {}
    )


def _completion(answer: types.GenerateContentResponse, asked: str) -> Completion:
    """Raises ProviderError."""
    feedback = answer.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        raise http_failure.refused(_NAME, feedback.block_reason.value)
    if not answer.candidates:
        raise http_failure.unreadable(_NAME)
    candidate = answer.candidates[0]
    reason = candidate.finish_reason.value if candidate.finish_reason else ""
    if reason in gemini_failure.REFUSALS:
        raise http_failure.refused(_NAME, reason)
    parts = (candidate.content.parts if candidate.content else None) or []
    return Completion(
        text="".join(part.text or "" for part in parts if not part.thought),
        model=answer.model_version or asked,
        usage=_usage(answer.usage_metadata),
    )


def _usage(usage: types.GenerateContentResponseUsageMetadata | None) -> Usage:
    if usage is None:
        return Usage()
    return Usage(
        input=usage.prompt_token_count or 0,
        output=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        cached_input=usage.cached_content_token_count or 0,
    )
