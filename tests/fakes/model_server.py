"""OpenAI and Gemini over real HTTP, with trouble on demand.

`python -m tests.fakes.model_server --port P` serves on 127.0.0.1 and prints one line when ready
(port 0 takes a free one). Tests start it through `tests.fakes.running`.

PUT /_control {"provider": "openai"|"gemini", "script": [{"fault": "429", "retry_after": 2}, …],
               "then": "ok", "answer": {…} or "text", "model": "…"}    changes what is named
PUT /_control {"poison": {"text": "…", "kills": "process"|"group"}}    SIGKILL for who sends this text
DELETE /_control   forgets scripts, answers and calls
GET /_calls        every model call so far, without keys
GET /_in_flight    how many calls wait for their answer now

Faults: ok; latency, hang (silent for `seconds`, then ok); drip (a byte every 0.1 s for `seconds`,
then ok); cut (half a body, then the connection closes); garbage (200, not JSON); html (200, a
page); strange (200, JSON of another shape); quota; refusal (of the prompt); content_filter (of
the answer); length (the answer is cut off); tool_call (a call in place of an answer); obey (does
what the prompt's text orders, see `obedient`); invalid_json_answer; wrong_schema; or any HTTP status
from 400. Every error repeats the key and the prompt, as a careless server might.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from collections.abc import Mapping

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.model_answers import Json, mapping
from tests.fakes.model_faults import State
from tests.fakes.model_poison import Poison
from tests.fakes.model_replies import answer_gemini, answer_openai


def model_app() -> Starlette:
    """A new fake with nothing scripted; its state lives in `app.state.models`."""
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", answer_openai, methods=["POST"]),
            Route("/v1beta/models/{model}:generateContent", answer_gemini, methods=["POST"]),
            Route("/v1/models/{model}:generateContent", answer_gemini, methods=["POST"]),
            Route("/_control", _control, methods=["PUT", "DELETE"]),
            Route("/_calls", _calls, methods=["GET"]),
            Route("/_in_flight", _in_flight, methods=["GET"]),
        ]
    )
    app.state.models = State()
    return app


async def _control(request: Request) -> Response:
    state: State = request.app.state.models
    if request.method == "DELETE":
        state.reset()
        return Response(status_code=204)
    told = mapping(await request.json())
    if "poison" in told:
        return _set_poison(state, mapping(told["poison"]))
    plan = state.plans.get(str(told.get("provider")))
    if plan is None:
        return JSONResponse({"error": "provider is openai or gemini"}, status_code=400)
    try:
        plan.update(told)
    except ValueError as exc:
        return JSONResponse({"error": str(exc)}, status_code=400)
    return Response(status_code=204)


def _set_poison(state: State, told: Mapping[str, Json]) -> Response:
    try:
        state.poison = Poison(text=str(told.get("text") or ""), kills=str(told.get("kills") or ""))
    except ValueError as exc:
        return JSONResponse({"error": str(exc)}, status_code=400)
    return Response(status_code=204)


async def _calls(request: Request) -> Response:
    state: State = request.app.state.models
    return JSONResponse(list(state.calls))


async def _in_flight(request: Request) -> Response:
    state: State = request.app.state.models
    return JSONResponse(state.in_flight)


def _stop_with_stdin() -> None:
    """End this process when its parent does, however that ended."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fake OpenAI and Gemini on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    args = parser.parse_args()
    if args.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    config = uvicorn.Config(
        model_app(), log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    with socket.create_server(("127.0.0.1", args.port), backlog=512) as listener:
        # Connections queue from here on, so a reader of this line can call at once.
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
