"""A line without a record is the line that its record would be."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, cast

import pytest

from core import log
from core.log_plain import log_plain
from core.settings import LogFormat

LOGGER = logging.getLogger("handlers.somewhere")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _written(*, by_turn: bool, level: int = logging.INFO, log_format: LogFormat = LogFormat.JSON) -> str:
    log.configure(log_format, "INFO", service="api", by_turn=by_turn)
    stream = io.StringIO()
    cast("logging.StreamHandler[Any]", logging.getLogger().handlers[0]).setStream(stream)
    with log.bound(request_id="r-1"):
        log_plain(LOGGER, level, ("/a/b.py", "work", 17), 'POST /x "é"\n 202', {"ms": 1.5})
    return stream.getvalue()


def test_both_ways_write_the_same() -> None:
    lines = [json.loads(_written(by_turn=by_turn)) for by_turn in (False, True)]
    for line in lines:
        assert line.pop("timestamp")
    assert lines[0] == lines[1]
    assert [*lines[0]] == [*lines[1]] == ["level", "location", "message", "service", "ms", "request_id"]


def test_people_get_theirs_too() -> None:
    assert "INFO    handlers.somewhere: POST /x" in _written(by_turn=True, log_format=LogFormat.CONSOLE)


@pytest.mark.parametrize("by_turn", [False, True])
def test_what_is_not_asked_for_is_not_written(by_turn: bool) -> None:
    assert _written(by_turn=by_turn, level=logging.DEBUG) == ""
