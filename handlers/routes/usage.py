"""What models cost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import Query, Request

from core.domain.access import Scope
from core.errors import FieldProblem, InvalidInput
from core.store import usage
from handlers.operator_schemas import UsageOut, UsageRowOut
from handlers.routes.common import PROBLEMS, ProjectParam, project_filter, router_of
from handlers.wiring import deps_of

router = router_of("usage", prefix="/api/v1/usage")

_MOST_DAYS = 400
_Day = Annotated[date | None, Query(description="a UTC day, YYYY-MM-DD")]


@router.get("", response_model=UsageOut, responses=PROBLEMS)
async def get_usage(
    request: Request, project_key: ProjectParam = None, since: _Day = None, until: _Day = None
) -> UsageOut:
    """By UTC day, project and model, newest first; the last 30 days where nothing else is asked."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    project_id = await project_filter(deps, caller, project_key)
    last = until or datetime.now(UTC).date()
    if last.year < 1971:
        raise InvalidInput(FieldProblem(field="until", message="must lie after 1970"))
    first = since or last - timedelta(days=29)
    if not 0 <= (last - first).days <= _MOST_DAYS or last.year > 9000:
        raise InvalidInput(
            FieldProblem(field="since", message=f"must lie 0 to {_MOST_DAYS} days before `until`")
        )
    rows = await deps.database.autocommit(
        lambda connection: usage.by_day(connection, project_id=project_id, since=first, until=last)
    )
    return UsageOut(
        since=first,
        until=last,
        total_usd=round(sum(row.cost_usd for row in rows), 8),
        rows=[UsageRowOut.model_validate(row) for row in rows],
    )
