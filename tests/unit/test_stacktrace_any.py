"""What holds for every text, stack or not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.stacktrace import Language, parse
from core.domain.stacktrace.text import MAX_LINES_EACH_END, split
from tests.many import many
from tests.unit.stacks import NAMES, read_stack

_LINES = sorted({line for name in NAMES for line in read_stack(name).splitlines()})
_PIECES = [
    "Traceback (most recent call last):",
    '  File "',
    ", line 1, in f",
    "    at ",
    "at f (a:1:2)",
    "(((((",
    ":in `",
    "': ",
    "#0 ",
    "goroutine 1 [",
    "\t/a.go:1",
    "[object] (",
    " ---> ",
    "Caused by: ",
    "Error: ",
    "\r\n",
    "\n",
    "\x00",
    "\u2028",
    "٣",
    "[cause]: ",
    "[errors]: [",
    "  +-+---------------- 1 ----------------",
    "  | ",
    "Exception Group Traceback (most recent call last):",
    "@",
    "$$Lambda/",
    "<a>b__",
    "[[]]",
]
_SHUFFLED_LINES = st.lists(st.sampled_from(_LINES), max_size=30).map("\n".join)
_SHUFFLED_PIECES = st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=5)), max_size=40).map(
    "".join
)
_MEBIBYTE = 1 << 20


def _assert_quotes_are_verbatim(text: str) -> None:
    trace = parse(text)
    assert bool(trace.exceptions) or trace.language is Language.UNKNOWN
    for link in trace.exceptions:
        assert link.header in text
        for frame in link.frames:
            assert frame.raw
            assert frame.raw in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_real_stacks_are_told_apart_and_quoted_verbatim(name: str, ending: str) -> None:
    text = read_stack(name).replace("\n", ending)
    language = {"node": "javascript", "firefox": "javascript", "ruby34": "ruby"}.get(
        name.removesuffix(".txt").partition("_")[0], name.partition("_")[0]
    )
    trace = parse(text)

    assert trace.language.value == language
    assert trace == parse(text)
    _assert_quotes_are_verbatim(text)


@settings(max_examples=many(3))
@given(st.one_of(st.text(), _SHUFFLED_LINES, _SHUFFLED_PIECES))
def test_no_text_raises_and_quotes_are_verbatim(text: str) -> None:
    _assert_quotes_are_verbatim(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line",
    [
        "at at at (((((\n",
        "a" * 100,
        "at x ( ( ( ( :1:1",
        "a:1:" * 499 + "\n",
        'File "' * 300 + "\n",
        '  File "a", line 1, in f\n    x\n',
        "Caused by: a.B: c\n",
        "#1 " + "(1" * 900 + "\n",
        "at A" + "[]" * 900 + "(x)\n",
        "a." * 999 + "\n",
        "xxxError " * 200 + "\n",
        "@" * 1_000 + "a:1:1\n",
        "[object] (" * 150 + "\n",
        "System.A: b ---> ",
        " " * 1_999 + "\n",
        "\n",
        "\r",
    ],
)
def test_a_mebibyte_of_anything_is_read_in_good_time(line: str) -> None:
    parse((line * (_MEBIBYTE // len(line) + 1))[:_MEBIBYTE])


@given(st.lists(st.text(alphabet="ab\r", max_size=3), max_size=20))
def test_lines_are_those_of_the_text(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert list(split(text).lines) == [line.removesuffix("\r") for line in text.split("\n")]


def test_the_middle_of_a_very_long_text_is_left_out() -> None:
    lines = [str(number) for number in range(3 * MAX_LINES_EACH_END)]
    kept = split("\n".join(lines)).lines

    assert list(kept) == lines[:MAX_LINES_EACH_END] + lines[-MAX_LINES_EACH_END:]
