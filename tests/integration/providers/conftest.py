"""One fake model server for all tests here, clean before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.running import ModelServer, running_model_server
from worker.providers.base import Prompt


@pytest.fixture(scope="session")
def _model_process() -> Iterator[ModelServer]:
    with running_model_server() as server:
        yield server


@pytest.fixture
def models(_model_process: ModelServer) -> ModelServer:
    _model_process.reset()
    return _model_process


@pytest.fixture
def prompt() -> Prompt:
    """A question like those of an analysis, with words that must never turn up in an error."""
    return Prompt(
        system="You explain errors.",
        user="CONFIDENTIAL: KeyError: 'user_id'",
        schema_name="analysis",
        schema={
            "type": "object",
            "additionalProperties": False,
            "required": ["root_cause", "category", "evidence", "confidence", "inconclusive"],
            "properties": {
                "root_cause": {"type": "string", "description": "One sentence."},
                "category": {"type": "string", "enum": ["missing_key", "timeout"]},
                "evidence": {"type": "array", "items": {"type": "string"}},
                "confidence": {"type": "number"},
                "inconclusive": {"type": "boolean"},
            },
        },
    )
