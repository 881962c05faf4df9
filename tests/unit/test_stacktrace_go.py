from __future__ import annotations

import pytest

from core.domain.stacktrace import Language, parse
from tests.unit.stacks import read_stack


def test_the_first_panic_is_the_root_and_owns_the_frames() -> None:
    trace = parse(read_stack("go_panic.txt"))

    assert trace.language is Language.GO
    assert [(link.type, link.message) for link in trace.exceptions] == [
        ("panic", "handler broke"),
        ("panic", "runtime error: invalid memory address or nil pointer dereference"),
    ]
    assert [
        (frame.module, frame.function, frame.line, frame.in_app) for frame in trace.exceptions[-1].frames
    ] == [
        ("main", "main", 20, True),
        ("main", "main.func1", 21, True),
        ("net/http", "serverHandler.ServeHTTP", 2938, False),
        ("github.com/gorilla/mux", "(*Router).ServeHTTP", 212, False),
        ("github.com/acme/shop/cart", "(*Cart).Total", 42, True),
        (None, "panic", 914, False),
    ]


def test_a_frame_is_quoted_with_both_its_lines() -> None:
    root = parse(read_stack("go_panic.txt")).root

    assert root is not None
    assert root.frames[0].raw == ("created by main.main in goroutine 1\n\t/home/ci/shop/main.go:20 +0x78")


def test_wrapped_errors_are_printed_root_first() -> None:
    trace = parse(read_stack("go_errors.txt"))

    assert [(link.type, link.message) for link in trace.exceptions] == [
        ("error", "query user 17\nloading profile"),
        ("error", "record not found"),
    ]
    assert [frame.function for frame in trace.exceptions[0].frames] == ["main", "Load"]
    assert [frame.in_app for frame in trace.exceptions[1].frames] == [False, False, True, True]


@pytest.mark.parametrize(
    ("above", "type_", "message"),
    [
        (
            "fatal error: all goroutines are asleep - deadlock!",
            "fatal error",
            "all goroutines are asleep - deadlock!",
        ),
        (
            "http: panic serving 10.0.0.1:4242: runtime error: index out of range",
            "panic",
            "runtime error: index out of range",
        ),
        ("panic: boom [recovered]\n\tpanic: boom", "panic", "boom"),
        ("panic: first line\nsecond line", "panic", "first line\nsecond line"),
        ("gave up", "", "gave up"),
    ],
)
def test_headers(above: str, type_: str, message: str) -> None:
    trace = parse(f"{above}\n\ngoroutine 7 [running]:\nmain.main()\n\t/app/main.go:3 +0x1\n")

    assert [(link.type, link.message) for link in trace.exceptions] == [(type_, message)]


def test_trimmed_paths_of_the_standard_library_are_told_by_package() -> None:
    text = "panic: x\n\ngoroutine 1 [running]:\nnet/http.(*conn).serve(0x1)\n\tnet/http/server.go:3 +0x1\n"
    assert parse(text).exceptions[0].frames[0].in_app is False
