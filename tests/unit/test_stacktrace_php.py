from __future__ import annotations

from core.domain.stacktrace import Language, parse
from tests.unit.stacks import read_stack


def test_next_wraps_what_stands_above_it() -> None:
    trace = parse(read_stack("php_fatal.txt"))

    assert trace.language is Language.PHP
    assert [(link.type, link.message) for link in trace.exceptions] == [
        ("RuntimeException", "Could not load the cart"),
        ("PDOException", "SQLSTATE[HY000] [2002] Connection refused"),
    ]


def test_a_place_is_paired_with_the_function_that_it_lies_in() -> None:
    outer, root = parse(read_stack("php_fatal.txt")).exceptions

    assert [(frame.function, frame.line) for frame in outer.frames] == [
        ("{main}", 9),
        ("App\\Cart->load", 40),
    ]
    assert [(frame.function, frame.line, frame.in_app) for frame in root.frames] == [
        ("{main}", 9, True),
        ("array_map", None, False),
        ("Acme\\Pool->open", 31, False),
        ("App\\Db->connect", 12, True),
    ]


def test_laravel_logs_the_outer_exception_first() -> None:
    trace = parse(read_stack("php_laravel.txt"))

    assert [(link.type, link.message) for link in trace.exceptions] == [
        ("Illuminate\\Database\\QueryException", "SQLSTATE[42S02]: Base table or view not found"),
        ("PDOException", "SQLSTATE[42S02]: Base table or view not found"),
    ]
    assert [(frame.function, frame.in_app) for frame in trace.exceptions[0].frames] == [
        ("{main}", True),
        ("App\\Http\\Controllers\\OrderController->index", True),
        ("Illuminate\\Database\\Eloquent\\Model::all", False),
        ("Illuminate\\Database\\Connection->runQueryCallback", False),
    ]


def test_an_error_without_a_trace_has_its_place() -> None:
    root = parse("PHP Parse error:  syntax error, unexpected '}' in /app/src/Cart.php on line 12").root

    assert root is not None
    assert (root.type, root.message) == ("Parse error", "syntax error, unexpected '}'")
    assert [(frame.raw, frame.file, frame.line) for frame in root.frames] == [
        ("/app/src/Cart.php on line 12", "/app/src/Cart.php", 12)
    ]


def test_an_exception_cast_to_text() -> None:
    text = (
        "LogicException: first line\nsecond line in /app/a.php:7\nStack trace:\n"
        "#0 /app/b.php(3): {closure:App\\Cart::add():12}(Object(A))\n#1 {main}"
    )
    root = parse(text).root

    assert root is not None
    assert (root.type, root.message) == ("LogicException", "first line\nsecond line")
    assert [frame.function for frame in root.frames] == ["{main}", "{closure:App\\Cart::add():12}"]
