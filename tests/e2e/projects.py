"""Projects and their metadata, as clients of a stack ask for them."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID, uuid4

import httpx2

from tests.e2e.stack import DEV_TOKEN, Row, Stack

AUTH = {"Authorization": f"Bearer {DEV_TOKEN}"}

TEXT = {
    "title": "Tidebook",
    "description": "A tide calendar for harbour masters.",
    "content": "Tidebook reads the harbour's gauges every minute and prints a tide calendar for each berth.",
}

ANSWER: dict[str, Any] = {
    "summary": "Tidebook prints tide calendars for harbour masters.",
    "tags": ["tide", "harbour", "calendar"],
    "category": "navigation",
    "keywords": ["tide calendar", "harbour", "gauges", "berth"],
    "language": "en",
    "confidence": 0.9,
}
"""What a model makes of TEXT."""

_numbers = itertools.count(1)


def new_project(stack: Stack, **changes: object) -> str:
    """The id of a project that exists now; its key is nobody else's."""
    project_id = str(uuid4())
    fields = TEXT | {"key": f"tidebook-{next(_numbers)}"} | changes
    response = stack.http.put(f"/api/projects/{project_id}", json=fields, headers=AUTH)
    assert response.status_code == 201, response.text
    return project_id


def generate(stack: Stack, project_id: str, query: str = "") -> httpx2.Response:
    """Ask for the project's metadata as one who may."""
    return stack.http.post(f"/api/projects/{project_id}/generate_metadata/{query}", headers=AUTH)


def generated(stack: Stack, project_id: str) -> Row:
    """The row of a project for which metadata is asked now, when it is there."""
    assert generate(stack, project_id).status_code == 202
    stack.wait_for_job(project_id, "done")
    return metadata_of(stack, project_id)


def metadata_of(stack: Stack, project_id: str) -> Row:
    [row] = stack.query("SELECT * FROM project_metadata WHERE project_id = %s", UUID(project_id))
    return row


def outcomes(stack: Stack, project_id: str) -> list[tuple[str, str]]:
    """Provider and outcome of each model call for the project, oldest first."""
    return [(call["provider"], call["outcome"]) for call in stack.calls_of(project_id)]
