"""The events that the benchmarks send: what they are alike in, and what not."""

from __future__ import annotations

import json

from core.domain.event import EventContent
from core.domain.fingerprint import fingerprint
from core.domain.stacktrace import parse
from handlers.schemas import EventIn
from tests.load.made_events import ERRORS, Events, Texts, made_events, project_keys

MANY = 3 * ERRORS


def sent(events: Events) -> list[EventIn]:
    return [EventIn.model_validate_json(events.body(number)) for number in range(MANY)]


def groups(events: list[EventIn]) -> int:
    contents = (EventContent(message=one.message, status_code=500, stack=one.stack) for one in events)
    return len({fingerprint(content).value for content in contents})


def test_no_two_events_are_alike() -> None:
    events = sent(made_events(Texts.MIX))
    for name in ("event_id", "message", "path"):
        assert len({getattr(one, name) for one in events}) == MANY
    assert {one.project_key for one in events} == set(project_keys())
    assert {one.status_code for one in events} == {500}


def test_a_hundred_errors_come_again_and_new_ones_never() -> None:
    assert groups(sent(made_events(Texts.MIX))) == ERRORS
    assert groups(sent(made_events(Texts.NEW))) == MANY


def test_stacks_are_of_three_languages_that_are_read() -> None:
    stacks = [parse(one.stack or "") for one in sent(made_events(Texts.MIX))[:ERRORS]]
    assert len({stack.language for stack in stacks}) == 3


def test_an_event_has_the_size_that_the_page_names() -> None:
    events = made_events(Texts.MIX)
    size = sum(len(events.body(number)) for number in range(ERRORS)) / ERRORS
    assert 1_500 < size < 1_600


def test_a_batch_holds_events_that_follow_each_other() -> None:
    events = made_events(Texts.MIX)
    held = json.loads(events.batch(2, 10))["events"]
    assert held == [json.loads(events.body(number)) for number in range(20, 30)]
