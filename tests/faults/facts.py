"""What became of a load, by PostgreSQL and by the fake models, which know of calls that no ledger has."""

from __future__ import annotations

import json
from collections import Counter
from uuid import UUID

from tests.faults.load import Sent
from tests.faults.scene import Scene
from tests.faults.verdict import Facts
from tests.faults.words import word_in

_ANSWERED = frozenset({"ok", "latency"})


def find(scene: Scene, sent: Sent, *, began_at: float, recovered: float | None) -> Facts:
    """`began_at`: when the load began, in seconds since 1970."""
    calls = scene.models.calls()
    answered = Counter(
        word
        for call in calls
        if call["outcome"] in _ANSWERED and (word := word_in(json.dumps(call["body"]))) is not None
    )
    return Facts(
        sent=sent,
        analyses=_analyses(scene, [event.id for event in sent.accepted]),
        described=_described(scene, list(sent.projects)),
        calls=len(calls),
        answered=answered,
        paid=_paid(scene, began_at),
        unfinished=scene.unfinished(),
        spoiled=_spoiled(scene, began_at),
        restarts=dict(scene.keeper.restarts),
        recovered=recovered,
    )


def _analyses(scene: Scene, events: list[UUID]) -> dict[UUID, int]:
    rows = scene.query(
        "SELECT e.id, count(a.error_event_id) AS analyses FROM error_events e"
        " LEFT JOIN error_analysis a ON a.error_event_id = e.id WHERE e.id = ANY(%s) GROUP BY e.id",
        events,
    )
    return {row["id"]: row["analyses"] for row in rows}


def _described(scene: Scene, projects: list[UUID]) -> frozenset[UUID]:
    rows = scene.query("SELECT project_id FROM project_metadata WHERE project_id = ANY(%s)", projects)
    return frozenset(row["project_id"] for row in rows)


def _paid(scene: Scene, began_at: float) -> dict[UUID, int]:
    rows = scene.query(
        "SELECT job_id, count(*) AS calls FROM llm_calls"
        " WHERE outcome = 'ok' AND created_at >= to_timestamp(%s) GROUP BY job_id",
        began_at,
    )
    return {row["job_id"]: row["calls"] for row in rows}


def _spoiled(scene: Scene, began_at: float) -> int:
    [row] = scene.query(
        "SELECT count(*) FROM jobs WHERE state IN ('failed', 'dead') AND NOT subject_id = ANY(%s)"
        " AND created_at >= to_timestamp(%s)",
        list(scene.excused),
        began_at,
    )
    return int(row["count"])
