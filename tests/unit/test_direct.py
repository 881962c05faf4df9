"""Which requests pass FastAPI by, and that nothing which needs it does."""

from __future__ import annotations

from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from handlers.direct import Direct
from handlers.direct_routes import endpoints_of
from handlers.ingest import ENDPOINTS
from handlers.routes import ingest


async def direct(request: Request) -> Response:
    return PlainTextResponse("direct: " + (await request.body()).decode())


async def other(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"app: {scope['method']} {scope['path']}")(scope, receive, send)


@pytest.mark.parametrize(
    ("method", "path", "root_path", "says"),
    [
        ("POST", "/a", "", "direct: x"),
        ("POST", "/stage/a", "/stage", "direct: x"),
        ("POST", "/a", "/stage", "direct: x"),
        ("POST", "/stage/a", "", "app: POST /stage/a"),
        ("POST", "/a/b", "", "app: POST /a/b"),
        ("POST", "/A", "", "app: POST /A"),
        ("PUT", "/a", "", "app: PUT /a"),
        ("GET", "/a", "", "app: GET /a"),
    ],
)
async def test_who_is_reached(method: str, path: str, root_path: str, says: str) -> None:
    transport = httpx2.ASGITransport(app=Direct(other, endpoints={"/a": direct}), root_path=root_path)
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
        assert (await client.request(method, path, content=b"x")).text == says


async def test_the_routes_of_a_router_by_their_paths() -> None:
    router = APIRouter(prefix="/events")
    router.post("")(direct)
    router.post("/batch")(direct)
    FastAPI().include_router(router)
    assert endpoints_of(router) == {"/events": direct, "/events/batch": direct}


def test_a_function_that_has_just_started_takes_all_that_fastapi_would() -> None:
    assert endpoints_of(ingest.router) == ENDPOINTS


async def _asks_for_more(request: Request, limit: Annotated[int, Query()] = 5) -> Response:
    return Response(str(limit))


def _nothing() -> None: ...


def _of_reading() -> APIRouter:
    router = APIRouter()
    router.get("/a")(direct)
    return router


def _of_parameters() -> APIRouter:
    router = APIRouter()
    router.post("/a")(_asks_for_more)
    return router


def _of_dependencies() -> APIRouter:
    router = APIRouter()
    router.post("/a", dependencies=[Depends(_nothing)])(direct)
    return router


@pytest.mark.parametrize("router", [_of_reading(), _of_parameters(), _of_dependencies()])
def test_a_route_that_needs_fastapi_is_refused(router: APIRouter) -> None:
    with pytest.raises(TypeError):
        endpoints_of(router)
