"""What holds for every text: nothing raises, everything is bounded, and time is linear."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.log_lines import LogLine, join, read, source_of
from core.store.payload import payload_of
from handlers import log_events
from tests.many import many
from tests.unit.log_lines import AT, ID
from tests.unit.stacks import NAMES, read_stack

_MILLION = 1_000_000

_PIECES = [
    *(line for name in NAMES for line in read_stack(name).splitlines()[:6]),
    "[ERROR]\t",
    f"{AT}\t{ID}\tERROR\tInvoke Error \t",
    f"{AT} ",
    "Traceback (most recent call last):",
    '{"level":"error","message":',
    '{"errorType":"E","errorMessage":"m","stackTrace":["    at f (a.js:1:1)"]}',
    "level=error ",
    'msg="',
    "Caused by: ",
    "panic: ",
    "RequestId: ",
    "\n",
    "\r",
    "\t{",
    "}",
    "\xa0",
    "\x1b[31m",
    "\x00",
    "\ud800",
    "[",
    ":",
    "٣",
]
_NAMES = [
    "level", "severity", "message", "msg", "event", "err", "error", "exception", "stack", "stack_trace",
    "stackTrace", "errorType", "errorMessage", "frames", "file", "line", "function", "class", "type", "name",
    "value", "cause", "reason", "record", "log", "container_id", "status", "metrics", "durationMs", "req",
    "url", "method", "path", "text", "thrown", "short_message", "fields",
]  # fmt: skip
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["error", "ERROR", "info", "platform.report", "timeout", *_PIECES]),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), children, max_size=6)
    ),
    max_leaves=30,
)
_TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(_PIECES), max_size=20).map("".join),
    st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=12).map(json.dumps),
    st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=8).map(
        lambda record: f"{AT}\t{ID}\tERROR\t{json.dumps({'type': 'platform.report', **record})}"
    ),
)


@settings(max_examples=many(4))
@given(text=_TEXTS)
def test_any_text_is_read_into_something_bounded(text: str) -> None:
    found = read(text, source="web")

    if found is not None:
        assert found.message.strip()
        assert len(found.message) <= 8_000
        assert 500 <= found.status_code <= 599
        assert found.stack is None or found.stack.strip()


@settings(max_examples=many(2))
@given(text=_TEXTS)
def test_any_error_can_be_stored(text: str) -> None:
    line = LogLine(id="3", timestamp=1_768_478_400_123, text=text)

    incoming = log_events._incoming(line, "web", "web", {"log_group": "/ecs/web"})

    assert (incoming is None) == (read(text, source="web") is None)
    if incoming is not None:
        stored = json.dumps(payload_of(incoming.content), ensure_ascii=False, allow_nan=False)
        assert "\0" not in stored.encode().decode()


@given(texts=st.lists(_TEXTS, max_size=12))
def test_joining_loses_no_line(texts: list[str]) -> None:
    lines = [LogLine(id=str(number), timestamp=0, text=text) for number, text in enumerate(texts)]

    joined = join(lines)

    assert [line.id for line in joined] == sorted({line.id for line in joined}, key=int)
    assert sum(len(line.text.replace("\n", "")) for line in joined) <= sum(map(len, texts))
    assert len(joined) <= len(lines)


@given(log_group=st.text(max_size=600))
def test_any_log_group_has_a_name_that_a_project_may_have(log_group: str) -> None:
    source = source_of(log_group)

    assert 1 <= len(source) <= 100
    assert source.isascii()
    assert source[0].isalnum()


@pytest.mark.timeout(30)
@pytest.mark.heavy
@pytest.mark.parametrize(
    "text",
    [
        "a" * _MILLION,
        "ERROR " + " " * _MILLION + "x",
        "[" * _MILLION,
        "{" * _MILLION + "}",
        '{"a":' * 200_000 + "1" + "}" * 200_000,
        '{"level":' + "9" * _MILLION + "}",
        "level=error " + 'a="' * 300_000,
        "ERROR " + "a." * 500_000 + " - ",
        "ERROR x\n" * 120_000,
        "ERROR x\n" + "    at f (a.js:1:1)\n" * 50_000,
        "[ERROR] E: x\nTraceback (most recent call last):\n" + '  File "a.py", line 1, in f\n' * 35_000,
        "\x1b[" * 500_000,
        "\r" * _MILLION + "x",
        "ERROR Traceback (most recent call last):" + "\n" * _MILLION + "x",
        f"{AT}\tERROR\t" + "\t{" * 500_000 + "}",
        json.dumps({"level": "error", "stack": "Error: x\n" + "    at f (a.js:1:1)\n" * 50_000}),
        json.dumps({"level": "error", **{f"k{number}": number for number in range(70_000)}}),
        json.dumps({"level": "error", "message": "x\n" * 300_000}),
    ],
)
def test_a_million_characters_are_no_trouble(text: str) -> None:
    """Each takes milliseconds; what were quadratic would run into the time limit."""
    read(text, source="web")
    join(LogLine(id=str(number), timestamp=0, text=line) for number, line in enumerate(text.split("\n")))
