"""What PostgreSQL reads for the statements that code sends, whichever they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from core.store.database import Connection, Cursor

Plan = dict[str, Any]


@dataclass(kw_only=True, slots=True)
class Explaining:
    """Stands where a connection does: runs each statement, and keeps the plan of its running it once before.

    That other run is rolled back.
    """

    connection: Connection
    plans: list[Plan] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.connection.pgconn.pipeline_status:
            raise ValueError("plans are read one by one: use no pipeline")

    @property
    def stand_in(self) -> Connection:
        return cast("Connection", self)

    async def execute(self, sql: str, parameters: Any = None) -> Cursor:
        async with self.connection.transaction(force_rollback=True):
            explained = await self.connection.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}".encode(), parameters
            )
            row = await explained.fetchone()
        if row is None:
            raise AssertionError("EXPLAIN always gives a row")
        self.plans.append(row[0][0]["Plan"])
        return await self.connection.execute(sql.encode(), parameters)


async def plans_of(
    connection: Connection, asks: Mapping[str, Callable[[Connection], Awaitable[object]]]
) -> dict[str, list[Plan]]:
    """Of each question's statements. What they change is rolled back."""
    plans = {}
    for name, ask in asks.items():
        explaining = Explaining(connection=connection)
        async with connection.transaction(force_rollback=True):
            await ask(explaining.stand_in)
        plans[name] = explaining.plans
    return plans


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def read_through(plan: Plan, tables: frozenset[str]) -> set[str]:
    """Those of `tables` that are read from end to end."""
    return {
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in tables and node["Actual Loops"]
    }


def pages_read(plan: Plan) -> int:
    """Of 8 KiB, from memory or disk, in tables and indexes."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def rows_read(plan: Plan) -> int:
    """Rows that scans of tables and indexes came upon, whether or not they passed a filter."""
    rows: float = sum(
        (
            node["Actual Rows"]
            + node.get("Rows Removed by Filter", 0)
            + node.get("Rows Removed by Index Recheck", 0)
        )
        * node["Actual Loops"]
        for node in nodes(plan)
        if "Relation Name" in node and node["Node Type"].endswith("Scan")
    )
    return round(rows)
