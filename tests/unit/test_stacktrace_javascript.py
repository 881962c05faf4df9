from __future__ import annotations

import pytest

from core.domain.stacktrace import Language, parse
from tests.unit.stacks import read_stack


def test_node_prints_causes_inside_the_error() -> None:
    trace = parse(read_stack("node_cause.txt"))

    assert trace.language is Language.JAVASCRIPT
    assert [(link.type, link.message) for link in trace.exceptions] == [
        ("Error", "profile failed\nfor user 17"),
        ("TypeError", "Invalid URL"),
    ]
    assert [(frame.function, frame.line, frame.in_app) for frame in trace.exceptions[0].frames] == [
        ("process.processTicksAndRejections", 95, False),
        ("Layer.handle", 95, False),
        ("new Handler", 9, True),
        (None, 40, True),
        ("Promise.all", None, False),
        ("loadProfile", 21, True),
    ]


def test_firefox_and_safari() -> None:
    root = parse(read_stack("firefox.txt")).root

    assert root is not None
    assert (root.type, root.message) == ("TypeError", "user is undefined")
    assert [(frame.function, frame.in_app) for frame in root.frames] == [
        ("global code", True),
        (None, True),
        ("loadAll/</<", True),
        ("forEach", False),
        ("render", True),
    ]
    assert root.frames[-1].file == "https://shop.example/static/js/main.3f2a1b9c.js"


@pytest.mark.parametrize(
    ("line", "function", "file", "in_app"),
    [
        ("at f (C:\\Program Files (x86)\\shop\\a.js:3:7)", "f", "C:\\Program Files (x86)\\shop\\a.js", True),
        ("at eval (eval at g (http://x.io/a.js:1:9), <anonymous>:1:1)", "eval", "http://x.io/a.js", True),
        ("at Array.map (<anonymous>)", "Array.map", "<anonymous>", False),
        ("at Socket.emit (events.js:315:20)", "Socket.emit", "events.js", False),
        ("at Cart.add [as onClick] (webpack-internal:///./src/cart.ts:4:2)", "Cart.add", None, True),
        ("at __webpack_require__ (webpack/bootstrap:19:1)", "__webpack_require__", None, False),
        ("at async Promise.allSettled (index 2)", "Promise.allSettled", "index 2", False),
        ("at https://cdn.jsdelivr.net/npm/vue@3.4.0/dist/vue.js:9:9", None, None, False),
    ],
)
def test_frames_of_v8(line: str, function: str | None, file: str | None, in_app: bool) -> None:
    frame = parse(f"Error: x\n    {line}\n    at main (/app/m.js:1:1)").exceptions[0].frames[-1]

    assert (frame.raw, frame.function, frame.in_app) == (line, function, in_app)
    if file:
        assert frame.file == file


def test_the_first_member_of_an_aggregate_error_is_its_cause() -> None:
    text = (
        "AggregateError: All promises were rejected\n    at run (/app/a.js:1:2) {\n  [errors]: [\n"
        "    RangeError: one\n        at one (/app/b.js:1:1),\n    Error: two\n        at two (/c.js:1:1)\n"
    )
    assert [link.type for link in parse(text).exceptions] == ["AggregateError", "RangeError"]


def test_browsers_name_uncaught_errors() -> None:
    text = "Uncaught (in promise) TypeError: x is not a function\n    at go (https://shop.example/a.js:1:2)"
    root = parse(text).root

    assert root is not None
    assert (root.type, root.message) == ("TypeError", "x is not a function")


def test_a_header_alone_is_an_exception_of_no_known_language() -> None:
    trace = parse("Error: Connection timeout")

    assert trace.language is Language.UNKNOWN
    assert [(link.type, link.message, link.header, link.frames) for link in trace.exceptions] == [
        ("Error", "Connection timeout", "Error: Connection timeout", ())
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\n",
        "the database went away",
        "Note: restarted",
        "at the end of the day (roughly) it failed",
        "mail to ann@shop.example bounced",
        "12:30:45 all well",
        "see #1 in the tracker",
        "thread 'main' panicked\n   0: app::main\n             at ./src/main.rs:4:5",
    ],
)
def test_other_text_is_no_stack(text: str) -> None:
    assert parse(text).exceptions == ()
    assert parse(text).language is Language.UNKNOWN
