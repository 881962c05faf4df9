"""Our JSON lines are Powertools' own, field by field."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from core.log_json import JsonFormatter


def record(message: str, *args: object, **fields: object) -> logging.LogRecord:
    found = logging.getLogger("x").makeRecord(
        "x", logging.INFO, "/a/b.py", 17, message, args, None, "work", extra=fields
    )
    found.created = 1_800_000_000.1235
    return found


def failed() -> logging.LogRecord:
    found = record("it broke: %s", "why")
    try:
        json.loads("{")
    except ValueError:
        found.exc_info = sys.exc_info()
    return found


RECORDS = [
    record("%s %s %d", "POST", "/api/v1/events", 202, ms=1.25, request_id="a" * 32),
    record("%s", "none", nothing=None, truth=True, number=-3, much=float("inf"), none=float("nan")),
    record("%s", "names of its own", service="other", location="x", level="y"),
    record("%s", "control \x00\x1b\x7f\u2028\u202e \U0001f600 \"'\\ \n", field="\t\ud83d\ude00"),
    record("%s", "half of a pair \ud800"),
    record("%s", "values that are not plain", id=UUID(int=7), at=datetime.now(UTC), many=["a", {"b": 1}]),
    record('{"a": 1}'),
    record("no arguments", field=1),
    failed(),
]


def read(formatter: logging.Formatter, line: logging.LogRecord) -> list[tuple[str, Any]]:
    text = formatter.format(line)
    assert "\n" not in text
    return [(name, str(value)) for name, value in json.loads(text).items()]


@pytest.mark.parametrize("line", RECORDS, ids=lambda line: line.msg)
def test_a_line_is_as_powertools_writes_it(line: logging.LogRecord) -> None:
    theirs = LambdaPowertoolsFormatter(service="api", utc=True, use_rfc3339=True)
    assert read(JsonFormatter(service="api"), line) == read(theirs, line)


def test_each_second_is_named() -> None:
    formatter = JsonFormatter(service="api")
    stamps = []
    for created in (1_800_000_000.0, 1_800_000_000.9999994, 1_800_000_001.25, 1_799_999_999.5):
        line = record("%s", "x")
        line.created = created
        stamps.append(json.loads(formatter.format(line))["timestamp"])
    assert stamps == [
        "2027-01-15T08:00:00.000+00:00",
        "2027-01-15T08:00:00.999+00:00",
        "2027-01-15T08:00:01.250+00:00",
        "2027-01-15T07:59:59.500+00:00",
    ]


def test_on_lambda_a_line_has_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    formatter = JsonFormatter(service="api")
    for trace in ("1-a", "1-b"):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={trace};Sampled=1")
        assert json.loads(formatter.format(record("%s", "x")))["xray_trace_id"] == trace
