"""Gemini through `google-generativeai`, whose support ended on 2025-11-30. The only file that knows it.

The SDK is synchronous, so each call holds a thread, at the latest until its deadline. Its
`configure` is global to the process and therefore not used: each provider has its own client.
"""

from __future__ import annotations

import asyncio
import io
import time
import warnings
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import requests
from google.ai import generativelanguage as glm
from google.ai.generativelanguage_v1beta.services.generative_service.transports import (
    GenerativeServiceRestTransport,
)
from google.api_core import exceptions as google_exceptions
from google.api_core.gapic_v1.client_info import ClientInfo
from google.auth.api_key import Credentials
from google.auth.transport.requests import AuthorizedSession
from google.protobuf import json_format  # type: ignore[import-untyped]
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

with warnings.catch_warnings():
    # The SDK announces its own end at each first import.
    warnings.filterwarnings("ignore", message=r"\s*All support for the", category=FutureWarning)
    from google.generativeai import protos
    from google.generativeai.generative_models import GenerativeModel
    from google.generativeai.types import GenerateContentResponse, GenerationConfig

from core.errors import ProviderError
from worker.providers import gemini_failure, http_failure
from worker.providers.answers import encodable
from worker.providers.base import Completion, Prompt, Usage

_NAME = "gemini"
_DEFAULT_URL = "https://generativelanguage.googleapis.com"
_CHUNK = 65_536


class GeminiLegacyProvider:
    """Asks by generateContent with Google's own schema type, always through API version v1beta.

    An answer cut off at `max_output_tokens` is returned as it is, see `GeminiProvider`. The SDK
    does not know thinking tokens: they are what the total has beyond prompt and answer. `aclose`
    ends the idle connections; the provider can be used again after it.
    """

    def __init__(self, *, api_key: str, model: str, base_url: str | None = None) -> None:
        self._model = model
        self._transport = _Transport(api_key, base_url or _DEFAULT_URL)
        self._client = glm.GenerativeServiceClient(transport=self._transport)

    @property
    def name(self) -> str:
        return _NAME

    @property
    def model(self) -> str:
        return self._model

    async def complete(self, prompt: Prompt, *, timeout: float, request_id: str) -> Completion:
        """See `Provider.complete`."""
        try:
            async with asyncio.timeout(timeout):
                answer = await asyncio.to_thread(self._ask, prompt, timeout, request_id)
        except (TimeoutError, requests.Timeout) as exc:
            raise http_failure.timed_out(_NAME, timeout) from exc
        except google_exceptions.GoogleAPICallError as exc:
            raise _status_error(exc) from exc
        except requests.RequestException as exc:
            raise http_failure.disconnected(_NAME, exc) from exc
        except (json_format.Error, ValueError, TypeError, AttributeError) as exc:
            raise http_failure.unreadable(_NAME) from exc
        return _completion(answer, self._model)

    async def aclose(self) -> None:
        self._transport.close()  # type: ignore[no-untyped-call]

    def _ask(self, prompt: Prompt, seconds: float, request_id: str) -> GenerateContentResponse:
        config = GenerationConfig(
            max_output_tokens=prompt.max_output_tokens,
            response_mime_type="application/json",
            response_schema=_google_schema(prompt.schema),
        )
        model = _Model(self._client, self._model, encodable(prompt.system), config)
        # `retry: None` switches off the SDK's own retries; its type forgets `metadata`, the headers.
        options = {"timeout": seconds, "retry": None, "metadata": [("x-request-id", request_id)]}
        return model.generate_content(encodable(prompt.user), request_options=options)  # type: ignore[arg-type]


class _Model(GenerativeModel):
    """A model with a client of its own, where the SDK would take the process's."""

    def __init__(
        self, client: glm.GenerativeServiceClient, name: str, system: str, config: GenerationConfig
    ) -> None:
        super().__init__(name, generation_config=config, system_instruction=system)
        self._client = client  # type: ignore[assignment]


class _Transport(GenerativeServiceRestTransport):
    """REST with one key, one URL, and nothing retried."""

    def __init__(self, api_key: str, base_url: str) -> None:
        url = urlsplit(base_url)
        port = url.port or (80 if url.scheme == "http" else 443)
        credentials = Credentials(api_key)  # type: ignore[no-untyped-call]
        super().__init__(
            host=f"{url.hostname}:{port}{url.path.rstrip('/')}",
            url_scheme=url.scheme,
            credentials=credentials,
        )
        # The usual session asks twice more after each 401. The stubs hold the old one: make them anew.
        self._session = AuthorizedSession(  # type: ignore[no-untyped-call]
            credentials, refresh_status_codes=(), max_refresh_attempts=0
        )
        self._session.mount("http://", _DeadlineAdapter())
        self._session.mount("https://", _DeadlineAdapter())
        self._prep_wrapped_messages(ClientInfo())  # type: ignore[no-untyped-call]


class _DeadlineAdapter(HTTPAdapter):
    """Makes `timeout` the whole call's. In requests it is for each read, so a server that drips
    would keep the thread long after the caller has gone."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        seconds = timeout if isinstance(timeout, (int, float)) else None
        deadline = None if seconds is None else time.monotonic() + seconds
        response = super().send(request, True, timeout, verify, cert, proxies)
        body = bytearray()
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                body += chunk
                if deadline is not None and time.monotonic() > deadline:
                    raise requests.ReadTimeout(request=request)
        except HTTPError as exc:
            raise requests.ConnectionError(request=request) from exc
        finally:
            response.raw.close()
        response.raw = io.BytesIO(bytes(body))
        return response


def _google_schema(schema: Mapping[str, object]) -> protos.Schema:
    """Google's schema type knows no additionalProperties, bounds or defaults: they are left out."""
    kind = str(schema["type"]).upper()
    properties = _mapping(schema.get("properties"))
    items = _mapping(schema.get("items"))
    choices, required = schema.get("enum"), schema.get("required")
    return protos.Schema(
        type_=getattr(protos.Type, kind),
        format_="enum" if choices else "",
        description=str(schema.get("description", "")),
        enum=list(choices) if isinstance(choices, Sequence) else [],
        properties={key: _google_schema(_mapping(value)) for key, value in properties.items()},
        required=list(required) if isinstance(required, Sequence) else [],
        items=_google_schema(items) if items else None,
    )


def _status_error(exc: google_exceptions.GoogleAPICallError) -> ProviderError:
    status = int(exc.code or 0)
    response = exc.response
    try:
        body: object = response.json()
    except ValueError:
        body = None
    return gemini_failure.status_error(_NAME, status, body, response.headers)


def _completion(answer: GenerateContentResponse, asked: str) -> Completion:
    """Raises ProviderError. Reads the fields itself, since the SDK's `text` raises for a cut answer."""
    feedback = answer.prompt_feedback
    if feedback.block_reason:
        raise http_failure.refused(_NAME, feedback.block_reason.name)
    if not answer.candidates:
        raise http_failure.unreadable(_NAME)
    candidate = answer.candidates[0]
    if candidate.finish_reason.name in gemini_failure.REFUSALS:
        raise http_failure.refused(_NAME, candidate.finish_reason.name)
    used = answer.usage_metadata
    return Completion(
        text="".join(part.text for part in candidate.content.parts),
        model=answer.model_version or asked,
        usage=Usage(
            input=used.prompt_token_count,
            output=max(0, used.total_token_count - used.prompt_token_count),
            cached_input=used.cached_content_token_count,
        ),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
