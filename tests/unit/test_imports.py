"""A cold Lambda pays for every import: the API must not load what only the worker needs."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import handlers

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
_NEVER = ("boto3", "dotenv", "pydantic_settings", "snapshot_restore_py")
_NOT_FOR_EVENTS = (
    *_NEVER,
    "fastapi",
    "handlers.app",
    "handlers.openapi",
    "handlers.operator_schemas",
    "handlers.project_schemas",
    "handlers.read_schemas",
    "handlers.routes.common",
    "handlers.routes.ingest",
    "core.domain.metadata",
    "core.operations.project_input",
    "core.store.backlog",
    "core.store.projects",
)
"""A function that has just started is most often sent an event."""


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"],
        cwd=_ROOT,
        env={"DATABASE_URL": "postgresql://localhost/none", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_lambda_entry_point_is_light() -> None:
    loaded = loaded_by("import handlers.api")
    assert {"handlers.ingest", "psycopg", "redis"} <= loaded
    assert not loaded & {*_HEAVY, *_NOT_FOR_EVENTS}


def test_what_events_do_not_need_is_loaded_with_the_other_routes() -> None:
    assert set(_NOT_FOR_EVENTS) - set(_NEVER) <= loaded_by("import handlers.app")


def asked(method: str, path: str) -> set[str]:
    """What is loaded once a function has answered its first request."""
    event = {"httpMethod": method, "path": path, "requestContext": {}}
    return loaded_by(f"from handlers.api import handler; handler({event!r}, None)")


def test_a_read_loads_its_own_nouns_routes_and_no_other() -> None:
    loaded = asked("GET", "/healthz")
    assert {"fastapi", "handlers.factory", "handlers.routes.health"} <= loaded
    assert not loaded & {
        *_HEAVY,
        *_NEVER,
        "handlers.app",
        "handlers.operator_schemas",
        "core.domain.metadata",
    }
    others = {name for name in loaded if name.startswith("handlers.routes.")}
    assert others == {"handlers.routes.health", "handlers.routes.common"}


def test_all_routes_are_loaded_when_what_is_asked_for_is_none_of_a_noun() -> None:
    loaded = asked("GET", "/openapi.json")
    assert {"fastapi", "handlers.app", "handlers.routes.ingest"} <= loaded
    assert not loaded & {*_HEAVY, *_NEVER}


def test_a_handler_without_http_loads_no_web_framework() -> None:
    loaded = loaded_by("import handlers.log_events")
    assert "psycopg" in loaded
    assert not loaded & {*_HEAVY, "fastapi", "mangum", "boto3"}


def test_no_other_handler_is_heavier_for_the_one_that_migrates() -> None:
    names = [
        name
        for _, name, _ in pkgutil.walk_packages(handlers.__path__, "handlers.")
        if name != "handlers.migrate"
    ]
    assert "handlers.backlog_metric" in names
    assert not loaded_by(f"import {', '.join(names)}") & set(_HEAVY)


def test_the_handler_that_migrates_can_answer_though_nothing_is_installed() -> None:
    """What cannot be loaded is then said to CloudFormation, which waits for an hour otherwise."""
    known = {name.partition(".")[0] for name in loaded_by("import handlers.migrate")}
    installed = {name.partition(".")[0] for name in loaded_by("pass")}
    assert known - installed - sys.stdlib_module_names == {"core", "handlers"}


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
