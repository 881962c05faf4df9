"""Money: held before a call, settled after it, under hard caps.

`budget_windows` has what was spent in each UTC day and month, for every project together (scope zero)
and for each that has caps of its own. A window's row is made from the ledger when it is first needed,
so caps may be set at any time. Holds end by themselves when their worker is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from core.store.database import Connection, Database

_EVERYBODY = UUID(int=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """In USD; None: no cap. Those of all projects together; a project's own are in its row."""

    day: float | None = None
    month: float | None = None

    def any(self) -> bool:
        return self.day is not None or self.month is not None


_OPEN_WINDOWS = """
WITH wanted AS (
  SELECT scope, period, starts FROM (VALUES (%(all)s::uuid), (%(project)s::uuid)) AS s (scope),
    (VALUES ('day', (now() AT TIME ZONE 'UTC')::date),
            ('month', date_trunc('month', now() AT TIME ZONE 'UTC')::date)) AS w (period, starts)
), missing AS (
  SELECT * FROM wanted w WHERE NOT EXISTS (
    SELECT FROM budget_windows b WHERE (b.scope, b.period, b.starts) = (w.scope, w.period, w.starts))
)
INSERT INTO budget_windows (scope, period, starts, spent)
SELECT m.scope, m.period, m.starts, coalesce((
    SELECT sum(cost_usd) FROM llm_calls c
    WHERE c.created_at >= m.starts::timestamp AT TIME ZONE 'UTC'
      AND (m.scope = %(all)s OR c.project_id = m.scope)), 0)
FROM missing m ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""

_LOCK_WINDOWS = """
SELECT scope = %(all)s, period, spent FROM budget_windows
WHERE scope IN (%(all)s, %(project)s) AND (
  (period = 'day' AND starts = (now() AT TIME ZONE 'UTC')::date)
  OR (period = 'month' AND starts = date_trunc('month', now() AT TIME ZONE 'UTC')::date))
ORDER BY scope, period FOR UPDATE
"""

_HELD = """
SELECT coalesce(sum(usd), 0), coalesce(sum(usd) FILTER (WHERE project_id = %(project)s), 0),
       (SELECT budget_day_usd FROM projects WHERE id = %(project)s),
       (SELECT budget_month_usd FROM projects WHERE id = %(project)s)
FROM budget_holds WHERE held_until > now() AND job_id <> %(job)s
"""

_HOLD = """
INSERT INTO budget_holds (job_id, project_id, usd, held_until)
VALUES (%(job)s, %(project)s, %(usd)s, now() + %(for)s)
ON CONFLICT (job_id) DO UPDATE SET usd = excluded.usd, held_until = excluded.held_until
"""


# In the order in which `hold` locks them: in any other, the two would deadlock.
_COUNT = """
WITH w AS (
  SELECT scope, period, starts FROM budget_windows
  WHERE scope IN (%(all)s, %(project)s) AND (
    (period = 'day' AND starts = (now() AT TIME ZONE 'UTC')::date)
    OR (period = 'month' AND starts = date_trunc('month', now() AT TIME ZONE 'UTC')::date))
  ORDER BY scope, period FOR UPDATE
)
UPDATE budget_windows b SET spent = spent + (
  SELECT coalesce(sum(usd), 0) FROM unnest(%(calls)s::uuid[], %(usd)s::numeric[]) AS call (id, usd)
  WHERE NOT EXISTS (SELECT FROM llm_calls WHERE llm_calls.id = call.id)
) FROM w
WHERE (b.scope, b.period, b.starts) = (w.scope, w.period, w.starts)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """No room under the cap of this `period`. `is_passing`: only since other calls hold the rest of it."""

    period: str
    is_passing: bool


async def hold(
    database: Database, *, job_id: UUID, project_id: UUID, usd: float, caps: Caps, held_for: timedelta
) -> Refusal | None:
    """Set `usd` aside for the job's calls. None: done; else which cap forbids it.

    One hold at a time: the windows' rows are locked, so racing workers see each other's holds.
    Raises StoreUnavailable.
    """
    parameters = {
        "all": _EVERYBODY,
        "project": project_id,
        "job": job_id,
        "usd": Decimal(str(usd)),
        "for": held_for,
    }

    async def decide(connection: Connection) -> Refusal | None:
        await connection.execute(_OPEN_WINDOWS, parameters)
        locked = await connection.execute(_LOCK_WINDOWS, parameters)
        spent = {(is_all, period): amount for is_all, period, amount in await locked.fetchall()}
        held = await connection.execute(_HELD, parameters)
        row = await held.fetchone()
        held_all, held_project, project_day, project_month = row or (0, 0, None, None)
        limits = (
            (True, "day", caps.day, held_all),
            (True, "month", caps.month, held_all),
            (False, "day", project_day, held_project),
            (False, "month", project_month, held_project),
        )
        for is_all, period, cap, already_held in limits:
            wanted = spent.get((is_all, period), Decimal(0)) + parameters["usd"]
            if cap is not None and wanted + already_held > Decimal(str(cap)):
                return Refusal(period=period, is_passing=wanted <= Decimal(str(cap)))
        await connection.execute(_HOLD, parameters)
        return None

    return await database.transaction(decide)


async def settle(
    connection: Connection, *, job_id: UUID, project_id: UUID, spent: Mapping[UUID, float]
) -> None:
    """Give the hold back and count what was really spent, in windows that are open.

    `spent` is in USD by the calls' ids. To be asked before the calls are in the ledger: those that are there
    were counted when they came.
    """
    await connection.execute("DELETE FROM budget_holds WHERE job_id = %s", (job_id,))
    if any(spent.values()):
        parameters = {
            "all": _EVERYBODY,
            "project": project_id,
            "calls": list(spent),
            "usd": [Decimal(str(usd)) for usd in spent.values()],
        }
        await connection.execute(_COUNT, parameters)


async def time_to_next(connection: Connection, period: str) -> timedelta:
    """Until the next UTC day or month begins."""
    cursor = await connection.execute(
        "SELECT date_trunc(%(p)s, now() AT TIME ZONE 'UTC') + ('1 ' || %(p)s)::interval"
        " - (now() AT TIME ZONE 'UTC')",
        {"p": period},
    )
    row = await cursor.fetchone()
    found: timedelta = row[0] if row else timedelta(days=1)
    return found
