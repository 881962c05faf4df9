"""`llm_calls`: every model call with its tokens and cost, whether it worked or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.store.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRow:
    """`id` is the call's own, given when it was made: written twice, it is one row."""

    id: UUID
    provider: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float | None
    latency_ms: int
    outcome: str


async def record(
    connection: Connection, rows: Sequence[LedgerRow], *, job_id: UUID, project_id: UUID
) -> None:
    if not rows:
        return
    await connection.execute(
        "INSERT INTO llm_calls (id, job_id, project_id, provider, model, prompt_tokens, cached_tokens,"
        " completion_tokens, cost_usd, latency_ms, outcome)"
        " SELECT id, %s, %s, provider, model, prompt, cached, completion, cost, latency, outcome FROM unnest("
        "  %s::uuid[], %s::text[], %s::text[], %s::int[], %s::int[], %s::int[], %s::numeric[], %s::int[],"
        "  %s::text[]) AS t (id, provider, model, prompt, cached, completion, cost, latency, outcome)"
        " ON CONFLICT DO NOTHING",
        (
            job_id,
            project_id,
            [row.id for row in rows],
            [row.provider for row in rows],
            [row.model for row in rows],
            [row.prompt_tokens for row in rows],
            [row.cached_tokens for row in rows],
            [row.completion_tokens for row in rows],
            [row.cost_usd for row in rows],
            [row.latency_ms for row in rows],
            [row.outcome for row in rows],
        ),
    )
