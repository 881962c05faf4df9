"""Every function of a deployment loads and answers, from the bundle that it is deployed with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.aws.runtime.conftest import Query, Start


@pytest.mark.parametrize(
    ("handler", "event", "answer"),
    [
        ("buffered_events", {"Records": []}, {"batchItemFailures": []}),
        ("backlog_metric", {}, {"backlog": 0}),
    ],
)
def test_an_invocation_with_nothing_to_do(
    start: Start, environment: dict[str, str], handler: str, event: dict[str, Any], answer: dict[str, Any]
) -> None:
    function = start(f"handlers.{handler}.handler", environment)
    returned = function.invoke(event)
    assert answer.items() <= returned.items(), returned


def test_a_new_database_is_migrated(
    start: Start, environment: dict[str, str], migrate_bundle: Path, query: Query
) -> None:
    [known] = query("SELECT version_num FROM alembic_version")
    query("DROP SCHEMA public CASCADE")
    query("CREATE SCHEMA public")
    given = {name: environment[name] for name in ("DATABASE_URL", "LOG_LEVEL")}
    function = start("handlers.migrate.handler", given, bundle=migrate_bundle, timeout=60)
    for _ in range(2):
        assert function.invoke({}) == {"Data": {"Revision": known["version_num"]}}
    assert query("SELECT version_num FROM alembic_version") == [known]
    assert query("SELECT id FROM error_events") == []
