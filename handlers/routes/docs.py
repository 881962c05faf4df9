"""The page that shows the OpenAPI document."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

from handlers.docs_page import PAGE, PATH
from handlers.routes.common import router_of

router = router_of()


@router.get(PATH, include_in_schema=False)
async def show() -> HTMLResponse:
    return HTMLResponse(PAGE)
