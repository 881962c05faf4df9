"""What docs/incidents.md and docs/operations.md tell an operator to run on the database does as they say."""

from __future__ import annotations

import re
from uuid import uuid4

import httpx2
import psycopg
import pytest

from core.store.database import Database
from tests.conftest import ROOT
from tests.integration.conftest import Query, guide_event
from tests.integration.test_cleanup import ANALYSE

EVENTS = "/api/v1/events"
_PAGES = "\n".join((ROOT / "docs" / name).read_text() for name in ("incidents.md", "operations.md"))
STATEMENTS = [
    " ".join(text.split()) for text in re.findall(r"`((?:SELECT|UPDATE|DELETE|WITH) [^`]+)`", _PAGES)
]
FORGET = next(text for text in STATEMENTS if "error_groups" in text)


@pytest.mark.parametrize("statement", sorted(set(STATEMENTS)))
async def test_every_statement_is_understood(statement: str, database: Database, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("EXPLAIN " + statement.replace("GROUP_ID", str(uuid4())))


async def test_a_group_that_is_deleted_for_a_secret_is_new_again(
    client: httpx2.AsyncClient, query: Query
) -> None:
    answer = (await client.post(EVENTS, json=guide_event())).json()
    await client.post(EVENTS, json=guide_event())
    query(ANALYSE)
    query("UPDATE jobs SET state = 'done', finished_at = now()")
    query(FORGET.replace("GROUP_ID", answer["group_id"]))
    for table in ("error_groups", "error_events", "error_analysis", "jobs"):
        assert query(f"SELECT FROM {table}") == []
    assert (await client.post(EVENTS, json=guide_event())).json()["analysis"] == "queued"
