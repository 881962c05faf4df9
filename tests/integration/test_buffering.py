"""PostgreSQL is away: events wait in SQS, and are stored when it is back, once each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from pydantic import SecretStr

from core.domain.access import Scope, hash_key, new_key
from core.settings import Auth, Settings
from core.store.keys import StoredKey
from handlers import wiring
from handlers.app import create_app
from handlers.auth import KeyRing
from tests.fakes.secrets_and_queues import FakeAws
from tests.integration.conftest import Query, guide_event

ROOT = Path(__file__).resolve().parents[2]
EVENTS = "/api/v1/events"
KEY = new_key()
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}

_INVOKE = """
import json, sys
from handlers.buffered_events import handler
for event in json.load(sys.stdin):
    print("ANSWER " + json.dumps(handler(event, None)))
"""


@pytest.fixture
async def away(settings: Settings, aws: FakeAws) -> AsyncIterator[httpx2.AsyncClient]:
    """The app as it is deployed, with nothing where its database was."""
    deps = wiring.build(
        settings.model_copy(
            update={
                "auth": Auth.REQUIRED,
                "database_url": SecretStr("postgresql://127.0.0.1:9/rootnote"),
                "database_timeout": 1,
                "event_buffer_url": aws.queue_url("buffer"),
            }
        )
    )
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await deps.aclose()


@pytest.fixture
def project(query: Query) -> None:
    query("INSERT INTO projects (id, key) VALUES (%s, 'test')", uuid4())
    query("INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'ingest')", uuid4(), hash_key(KEY))


def messages(aws: FakeAws, name: str = "buffer") -> list[str]:
    return [entry["MessageBody"] for entry in aws.queues[aws.queue_url(name)]]


def deliver(aws: FakeAws, database_url: str, redis_url: str, *batches: list[str]) -> list[list[str]]:
    """Invoke the Lambda with each batch, one warm process; the messages that it wants again."""
    events = [
        {
            "Records": [
                {
                    "messageId": f"m{index}",
                    "body": body,
                    "eventSource": "aws:sqs",
                    "attributes": {},
                    "messageAttributes": {},
                }
                for index, body in enumerate(batch)
            ]
        }
        for batch in batches
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _INVOKE],
        cwd=ROOT,
        env={
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DATABASE_TIMEOUT": "1",
            "EVENT_BUFFER_DEAD_LETTER_URL": aws.queue_url("dead"),
            "PATH": os.environ["PATH"],
            **aws.environment,
        },
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    answers = [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    return [[item["itemIdentifier"] for item in answer["batchItemFailures"]] for answer in answers]


@pytest.mark.usefixtures("project")
async def test_an_outage_loses_nothing_and_stores_it_once(
    away: httpx2.AsyncClient, aws: FakeAws, database_url: str, redis_url: str, query: Query
) -> None:
    secret = guide_event(message="login failed password=hunter2", event_id="e-1")
    keyless = guide_event(message="Server error")
    for event in (secret, keyless):
        response = await away.post(EVENTS, json=event, headers=AUTHORIZATION)
        assert response.status_code == 202
        assert response.json() == {"id": None, "group_id": None, "analysis": "deferred"}
    sent = messages(aws)
    assert len(sent) == 2
    assert "hunter2" not in "".join(sent)
    assert KEY not in "".join(sent)

    # SQS delivers at least once.
    assert deliver(aws, database_url, redis_url, [*sent, sent[1]], sent) == [[], []]
    rows = query("SELECT payload->>'message' AS message, event_key FROM error_events ORDER BY event_key")
    assert [tuple(row.values()) for row in rows] == [
        ("login failed password=[scrubbed]", "e-1"),
        ("Server error", None),
    ]
    assert query("SELECT count(*) AS n FROM jobs WHERE state = 'queued'") == [{"n": 2}]


async def test_a_batch_waits_whole(away: httpx2.AsyncClient, aws: FakeAws) -> None:
    events: list[dict[str, Any]] = [guide_event(message=f"error {n}") for n in range(25)]
    response = await away.post(
        f"{EVENTS}/batch", json={"events": [*events, {"message": "bad"}]}, headers=AUTHORIZATION
    )
    assert response.status_code == 202
    assert (response.json()["accepted"], response.json()["refused"]) == (25, 1)
    assert len(messages(aws)) == 25


@pytest.mark.usefixtures("project")
async def test_a_long_event_is_compressed(
    away: httpx2.AsyncClient, aws: FakeAws, database_url: str, redis_url: str, query: Query
) -> None:
    long = guide_event(message="ошибка " * 50_000)
    assert (await away.post(EVENTS, json=long, headers=AUTHORIZATION)).status_code == 202
    [message] = messages(aws)
    assert len(message) < 200_000
    assert deliver(aws, database_url, redis_url, [message]) == [[]]
    assert query("SELECT count(*) AS n FROM error_events") == [{"n": 1}]


async def test_without_a_key_or_with_noise_nothing_is_buffered(
    away: httpx2.AsyncClient, aws: FakeAws
) -> None:
    for headers, status in [({}, 401), ({"Authorization": "Bearer noise"}, 503)]:
        assert (await away.post(EVENTS, json=guide_event(), headers=headers)).status_code == status
    assert messages(aws) == []


async def test_reading_still_says_that_it_is_unavailable(away: httpx2.AsyncClient) -> None:
    response = await away.get(EVENTS, headers=AUTHORIZATION)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


async def test_the_buffer_is_away_too(away: httpx2.AsyncClient, aws: FakeAws) -> None:
    aws.refuses = True
    response = await away.post(EVENTS, json=guide_event(), headers=AUTHORIZATION)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    response = await away.post(f"{EVENTS}/batch", json={"events": [guide_event()]}, headers=AUTHORIZATION)
    assert response.status_code == 503


async def test_what_can_never_be_stored_is_buried_with_its_reason(
    away: httpx2.AsyncClient, aws: FakeAws, database_url: str, redis_url: str, query: Query
) -> None:
    """The key was never good, the project is unknown, or the message is none of ours."""
    await away.post(EVENTS, json=guide_event(), headers=AUTHORIZATION)
    [sent] = messages(aws)
    assert deliver(aws, database_url, redis_url, [sent, "{}", "%%%"]) == [[]]
    reasons = [
        entry["MessageAttributes"]["Reason"]["StringValue"] for entry in aws.queues[aws.queue_url("dead")]
    ]
    assert [reason.split(":")[0] for reason in reasons] == ["Unauthorized", "InvalidInput", "MalformedBody"]
    assert query("SELECT count(*) AS n FROM error_events") == [{"n": 0}]

    query("INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'ingest')", uuid4(), hash_key(KEY))
    assert deliver(aws, database_url, redis_url, [sent]) == [[]]
    assert aws.queues[aws.queue_url("dead")][-1]["MessageAttributes"]["Reason"]["StringValue"].startswith(
        "Forbidden: project_key 'test' is unknown"
    )


async def test_messages_come_again_while_it_is_still_away(
    away: httpx2.AsyncClient, aws: FakeAws, redis_url: str
) -> None:
    await away.post(EVENTS, json=guide_event(), headers=AUTHORIZATION)
    [sent] = messages(aws)
    assert deliver(aws, "postgresql://127.0.0.1:9/rootnote", redis_url, [sent, sent]) == [["m0", "m1"]]
    assert messages(aws, "dead") == []


async def test_a_key_that_was_refused_does_not_become_good_by_an_outage(
    away: httpx2.AsyncClient, aws: FakeAws
) -> None:
    keys_of(away)._remember(hash_key(KEY), None)
    assert (await away.post(EVENTS, json=guide_event(), headers=AUTHORIZATION)).status_code == 401
    assert messages(aws) == []


async def test_what_is_not_analysed_is_not_said_to_be_deferred(away: httpx2.AsyncClient) -> None:
    response = await away.post(EVENTS, json=guide_event(status_code=404), headers=AUTHORIZATION)
    assert response.json()["analysis"] == "not_required"


def keys_of(client: httpx2.AsyncClient) -> KeyRing:
    transport = client._transport
    assert isinstance(transport, httpx2.ASGITransport)
    keys: KeyRing = transport.app.state.deps.keys  # type: ignore[attr-defined]
    return keys


async def test_made_up_keys_are_not_buffered(away: httpx2.AsyncClient, aws: FakeAws) -> None:
    """A wrong checksum is refused; without one, whether a key is good cannot even be guessed."""
    broken = KEY[:-1] + ("0" if KEY[-1] != "0" else "1")
    for key, status in [(broken, 401), ("rn_noise", 503), (f"rn_{'A' * 43}", 503)]:
        response = await away.post(EVENTS, json=guide_event(), headers={"X-API-Key": key})
        assert response.status_code == status, key
    assert messages(aws) == []


async def test_what_is_known_of_a_key_is_said_in_an_outage_too(
    away: httpx2.AsyncClient, aws: FakeAws, database_url: str, redis_url: str, query: Query
) -> None:
    """A project that is not the key's: 403 at once, and not 202 and buried later."""
    project_id = uuid4()
    query("INSERT INTO projects (id, key) VALUES (%s, 'test')", project_id)
    query(
        "INSERT INTO api_keys (id, hash, scope, project_id) VALUES (%s, %s, 'ingest', %s)",
        uuid4(),
        hash_key(KEY),
        project_id,
    )
    stored = StoredKey(
        id=uuid4(),
        scope=Scope.INGEST,
        project_id=project_id,
        project_key="test",
        ingest_rate=None,
        seconds_left=None,
    )
    keys_of(away)._remember(hash_key(KEY), stored)
    events = [guide_event(project_key=key) for key in ("test", "theirs", "test", "nobodys")]
    response = await away.post(f"{EVENTS}/batch", json={"events": events}, headers=AUTHORIZATION)
    answer = response.json()
    assert (answer["accepted"], answer["refused"]) == (2, 2)
    assert [item["status"] for item in answer["results"]] == [202, 403, 202, 403]
    assert answer["results"][1]["errors"][0]["field"] == "project_key"
    alone = await away.post(EVENTS, json=guide_event(project_key="theirs"), headers=AUTHORIZATION)
    assert alone.status_code == 403
    assert len(messages(aws)) == 2
    assert deliver(aws, database_url, redis_url, messages(aws)) == [[]]
    assert messages(aws, "dead") == []


async def test_a_batch_that_is_refused_whole_needs_no_buffer(away: httpx2.AsyncClient, aws: FakeAws) -> None:
    stored = StoredKey(
        id=uuid4(),
        scope=Scope.INGEST,
        project_id=uuid4(),
        project_key="mine",
        ingest_rate=None,
        seconds_left=None,
    )
    keys_of(away)._remember(hash_key(KEY), stored)
    aws.refuses = True
    response = await away.post(f"{EVENTS}/batch", json={"events": [guide_event()]}, headers=AUTHORIZATION)
    assert [item["status"] for item in response.json()["results"]] == [403]
