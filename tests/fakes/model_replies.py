"""How the fake models answer one request: well, or with the scripted fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.fakes import gemini_wire, openai_wire
from tests.fakes.model_answers import Json, conforming, mapping
from tests.fakes.model_faults import Fault, State
from tests.fakes.obedient import obedient_answer

BAD_KEY = "bad-key"
_DRIP_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request to a model, read but not yet judged."""

    key: str
    model: str
    body: Mapping[str, Json]
    answer: Json
    says_model: str

    @property
    def prompt_tokens(self) -> int:
        return 10 + len(json.dumps(self.body)) // 4

    @property
    def leak(self) -> str:
        """What a careless server puts into its error messages."""
        asked = self.body.get("messages") or self.body.get("contents")
        return f"Trouble with key {self.key} and prompt {json.dumps(asked)[:2_000]}"


class Dialect(Protocol):
    """What differs between the two providers."""

    def refuse(self, call: Call) -> JSONResponse | None: ...

    def error(self, call: Call, fault: Fault) -> JSONResponse: ...

    def good(self, call: Call, fault: str) -> dict[str, Json]: ...


class OpenAIDialect:
    """Chat completions."""

    def refuse(self, call: Call) -> JSONResponse | None:
        if call.key in {"", BAD_KEY}:
            return JSONResponse(openai_wire.error(401, call.leak), status_code=401)
        wrong = openai_wire.problem(call.body)
        if wrong is None:
            return None
        return JSONResponse(openai_wire.error(400, wrong[1], param=wrong[0]), status_code=400)

    def error(self, call: Call, fault: Fault) -> JSONResponse:
        headers = dict(fault.headers)
        if fault.retry_after is not None:
            headers["Retry-After"] = f"{fault.retry_after:g}"
        if fault.name == "quota":
            body = openai_wire.error(429, call.leak, code="insufficient_quota", kind="insufficient_quota")
            return JSONResponse(body, status_code=429, headers=headers)
        status = int(fault.name)
        return JSONResponse(openai_wire.error(status, call.leak), status_code=status, headers=headers)

    def good(self, call: Call, fault: str) -> dict[str, Json]:
        text = _text(call, openai_wire.schema_of(call.body), fault)
        model, tokens = call.says_model, call.prompt_tokens
        match fault:
            case "refusal":
                return openai_wire.completion(
                    model, None, prompt_tokens=tokens, refusal="I'm sorry, I can't assist with that."
                )
            case "content_filter":
                return openai_wire.completion(model, "", prompt_tokens=tokens, finish_reason="content_filter")
            case "tool_call":
                return openai_wire.calling(model, prompt_tokens=tokens)
            case "length":
                return openai_wire.completion(model, text, prompt_tokens=tokens, finish_reason="length")
            case _:
                return openai_wire.completion(model, text, prompt_tokens=tokens)


class GeminiDialect:
    """generateContent."""

    def refuse(self, call: Call) -> JSONResponse | None:
        if call.key in {"", BAD_KEY}:
            return JSONResponse(gemini_wire.invalid_key(call.leak), status_code=400)
        wrong = gemini_wire.problem(call.body)
        return None if wrong is None else JSONResponse(gemini_wire.error(400, wrong), status_code=400)

    def error(self, call: Call, fault: Fault) -> JSONResponse:
        details: list[dict[str, Json]] = []
        if fault.name == "quota":
            details.append(gemini_wire.quota_failure("GenerateRequestsPerDayPerProjectPerModel-FreeTier"))
        elif fault.name == "429":
            details.append(gemini_wire.quota_failure("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"))
        if fault.retry_after is not None:
            details.append(gemini_wire.retry_info(fault.retry_after))
        status = 429 if fault.name == "quota" else int(fault.name)
        body = gemini_wire.error(status, call.leak, *details)
        return JSONResponse(body, status_code=status, headers=dict(fault.headers))

    def good(self, call: Call, fault: str) -> dict[str, Json]:
        text = _text(call, gemini_wire.schema_of(call.body), fault)
        model, tokens = call.says_model, call.prompt_tokens
        match fault:
            case "refusal":
                return gemini_wire.blocked(model, prompt_tokens=tokens)
            case "content_filter":
                return gemini_wire.completion(model, "", prompt_tokens=tokens, finish_reason="SAFETY")
            case "tool_call":
                return gemini_wire.calling(model, prompt_tokens=tokens)
            case "length":
                return gemini_wire.completion(model, text, prompt_tokens=tokens, finish_reason="MAX_TOKENS")
            case _:
                return gemini_wire.completion(model, text, prompt_tokens=tokens)


class _Cut(Response):
    """Promises a whole body, sends half, and lets the server close the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


class _Drip(Response):
    """Blanks one by one, which JSON allows, then the body."""

    def __init__(self, content: Json, seconds: float) -> None:
        super().__init__(json.dumps(content), media_type="application/json")
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(key, value) for key, value in self.raw_headers if key != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(_until_gone(receive, self.seconds))
        while not gone.done():
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.wait({gone}, timeout=_DRIP_SECONDS)
        await send({"type": "http.response.body", "body": self.body})


async def answer_openai(request: Request) -> Response:
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    return await _answer(request, OpenAIDialect(), "openai", key)


async def answer_gemini(request: Request) -> Response:
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key", "")
    return await _answer(request, GeminiDialect(), "gemini", key)


async def _answer(request: Request, dialect: Dialect, provider: str, key: str) -> Response:
    state: State = request.app.state.models
    try:
        body = mapping(await request.json())
    except ValueError:
        body = {}
    plan = state.plans[provider]
    model = str(request.path_params.get("model") or body.get("model") or "")
    call = Call(key=key, model=model, body=body, answer=plan.answer, says_model=plan.model or model)
    refused = dialect.refuse(call)
    # A request that is refused uses up no step of the script.
    fault = plan.next_fault() if refused is None else Fault(name="rejected")
    poison = state.poison if state.poison is not None and state.poison.text in json.dumps(body) else None
    outcome = "poison" if poison else fault.name
    state.record(
        provider=provider, model=model, headers=dict(request.headers), body=dict(body), outcome=outcome
    )
    if poison and request.client:
        poison.strike(port=request.client.port, our_port=request.scope["server"][1])
    with state.thinking():
        return refused or await _reply(request, dialect, call, fault)


async def _reply(request: Request, dialect: Dialect, call: Call, fault: Fault) -> Response:
    if fault.name == "quota" or fault.name.isdecimal():
        return dialect.error(call, fault)
    good = dialect.good(call, fault.name)
    match fault.name:
        case "hang" | "latency":
            await _until_gone(request.receive, fault.seconds)
        case "drip":
            return _Drip(good, fault.seconds)
        case "cut":
            return _Cut(json.dumps(good), media_type="application/json")
        case "garbage":
            return Response(json.dumps(good)[:-40] + "\x00{{", media_type="application/json")
        case "html":
            return HTMLResponse("<html><body><h1>It works!</h1></body></html>")
        case "strange":
            return JSONResponse({"ok": True})
    return JSONResponse(good)


def _text(call: Call, schema: Mapping[str, Json], fault: str) -> str:
    """What the model says: the test's own answer, or one made from the schema."""
    if fault == "invalid_json_answer":
        return "I think that the database was down, but I cannot be sure."
    if fault == "wrong_schema":
        return json.dumps({"unexpected": True})
    if fault == "obey":
        return obedient_answer(call.body, schema)
    answer = call.answer if call.answer is not None else conforming(schema)
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return text[: len(text) // 2] if fault == "length" else text


async def _until_gone(receive: Receive, seconds: float) -> None:
    """Wait, but no longer than the caller is there."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return
