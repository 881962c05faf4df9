"""An event that is nobody else's, sent to see whether it is analysed."""

from __future__ import annotations

from uuid import UUID

import httpx2

from tests.faults.scene import Scene


class Probe:
    """Sent again until it is accepted, under the same `event_id`."""

    def __init__(self, scene: Scene) -> None:
        word = next(scene.probe_words)
        self._scene = scene
        self._id: UUID | None = None
        self._event = {
            "project_key": "probe",
            "event_id": f"probe-{word}",
            "message": f"Is anybody there, asked {word}",
            "status_code": 500,
            "timestamp": "2026-01-15T12:00:00Z",
        }

    def is_analysed(self) -> bool:
        if self._id is None:
            self._id = self._send()
        if self._id is None:
            return False
        found = self._scene.query("SELECT 1 FROM error_analysis WHERE error_event_id = %s", self._id)
        return bool(found)

    def _send(self) -> UUID | None:
        try:
            answer = self._scene.stack.http.post("/api/v1/events", json=self._event)
        except httpx2.HTTPError:
            return None
        return UUID(answer.json()["id"]) if answer.status_code in {200, 202} else None
