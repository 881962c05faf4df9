"""Envelopes are what the Sentry protocol says, and the same errors as our own events."""

from __future__ import annotations

import json
import pickle
from typing import Any
from uuid import UUID

import pytest

from tests.load.envelopes import Dsn, Envelopes, made_envelopes
from tests.load.made_events import ERRORS, PROJECTS

_DSNS = tuple(Dsn(project=n, key=f"{n:032x}") for n in range(1, PROJECTS + 1))


@pytest.fixture
def envelopes() -> Envelopes:
    return made_envelopes(*_DSNS)


def parse(body: bytes) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The envelope's header, its item's header, and the event."""
    header, item_header, rest = body.split(b"\n", 2)
    length = json.loads(item_header)["length"]
    assert rest[length:] == b"\n"
    return json.loads(header), json.loads(item_header), json.loads(rest[:length])


def test_an_envelope_holds_one_event_of_the_length_that_it_says(envelopes: Envelopes) -> None:
    header, item, event = parse(envelopes.body(1_234_567))
    assert item["type"] == "event"
    assert event["event_id"] == header["event_id"]
    assert UUID(header["event_id"]).hex == header["event_id"]
    [error] = event["exception"]["values"]
    assert len(error["stacktrace"]["frames"]) == 9
    assert event["level"] == "error"
    assert "%" not in json.dumps(event)


def test_a_request_goes_to_its_project_with_its_key(envelopes: Envelopes) -> None:
    head, _, body = envelopes(1).partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    assert first == "POST /api/2/envelope/ HTTP/1.1"
    assert f"content-length: {len(body)}" in rest
    assert any(f"sentry_key={2:032x}" in line for line in rest)
    assert body == envelopes.body(1)


def test_every_event_is_new_and_every_hundredth_is_the_same_error(envelopes: Envelopes) -> None:
    events = [parse(envelopes.body(number))[2] for number in range(3 * ERRORS)]
    assert len({event["event_id"] for event in events}) == 3 * ERRORS
    assert len({event["transaction"] for event in events}) == ERRORS
    assert len({str(event["exception"]["values"][0]["stacktrace"]) for event in events}) == ERRORS


def test_they_can_be_sent_from_another_process(envelopes: Envelopes) -> None:
    assert pickle.loads(pickle.dumps(envelopes))(7) == envelopes(7)  # noqa: S301  (our own bytes)


def test_there_is_a_project_for_each_of_ours() -> None:
    with pytest.raises(ValueError, match="1 projects, not 4"):
        made_envelopes(_DSNS[0])
