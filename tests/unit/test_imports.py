"""A cold Lambda pays for every import: the API must not load what only the worker needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_HEAVY = (
    "openai",
    "google.genai",
    "google.generativeai",
    "celery",
    "kombu",
    "sqlalchemy",
    "alembic",
    "worker",
)


def test_the_lambda_entry_point_is_light() -> None:
    code = "import sys, handlers.api; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=_ROOT,
        env={"DATABASE_URL": "postgresql://localhost/none", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "fastapi" in loaded
    assert not loaded & set(_HEAVY)


def test_the_worker_loads_its_metrics_only_after_they_are_shared() -> None:
    """Metrics made before Celery's signal are not added up over the pool's processes."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, worker; print('core.metrics' in sys.modules)"],
        cwd=_ROOT,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
