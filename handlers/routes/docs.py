"""The page that shows the OpenAPI document."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from handlers.docs_page import PAGE, PATH

router = APIRouter()


@router.get(PATH, include_in_schema=False)
async def show() -> HTMLResponse:
    return HTMLResponse(PAGE)
