"""Plain lines: which have a level that is an error, and which show a crash without one."""

from __future__ import annotations

import pytest

from core.domain.log_lines import source_of
from tests.unit.log_lines import AT, ID, error, group, group_over_http, is_error

PYTHON_STACK = """Traceback (most recent call last):
  File "/app/shop/cart.py", line 3, in pay
    return cart["total"]
KeyError: 'total'"""
PHP_STACK = """PHP Fatal error:  Uncaught Exception: boom in /app/Cart.php:3
Stack trace:
#0 /app/index.php(5): App\\Cart->pay()
#1 {main}
  thrown in /app/Cart.php on line 3"""
JAVA_STACK = "java.lang.IllegalStateException: no total\n\tat shop.Cart.pay(Cart.java:12)\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ERROR:root:cannot pay", "cannot pay"),
        ("ERROR cannot pay", "cannot pay"),
        ("ERROR: cannot pay", "cannot pay"),
        ("[ERROR] cannot pay", "cannot pay"),
        ("CRITICAL:shop.cart:cannot pay", "cannot pay"),
        (f"{AT} ERROR cannot pay", "cannot pay"),
        (f"{AT} [ERROR] [main] cannot pay", "[main] cannot pay"),
        (f"{AT} error: cannot pay", "cannot pay"),
        (f"{AT} fatal: cannot pay", "cannot pay"),
        ("2026-01-15 12:00:00,123 - shop.cart - ERROR - cannot pay", "cannot pay"),
        ("2026-01-15 12:00:00,123 shop.cart ERROR cannot pay", "cannot pay"),
        ("2026-01-15 12:00:00,123 ERROR MainThread cannot pay", "MainThread cannot pay"),
        ("2026-01-15 12:00:00.123 | ERROR    | shop.cart:pay:3 - cannot pay", "shop.cart:pay:3 - cannot pay"),
        ("12:00:00.123 [main] ERROR shop.checkout.Cart - cannot pay", "cannot pay"),
        (
            "2026-01-15T12:00:00.123Z ERROR 1 --- [shop] [nio-8080-exec-1] s.checkout.Cart    : cannot pay",
            "cannot pay",
        ),
        ("[2026-01-15 12:00:00 +0000] [12] [ERROR] cannot pay", "cannot pay"),
        ("[2026-01-15 12:00:00,123: ERROR/ForkPoolWorker-1] cannot pay", "cannot pay"),
        ("[2026-01-15 12:00:00] production.ERROR: cannot pay", "cannot pay"),
        ("[12:00:00 ERR] cannot pay", "cannot pay"),
        ("fail: Shop.Cart[0]", "Shop.Cart[0]"),
        ("2026/01/15 12:00:00 [error] 12#12: *1 cannot pay", "12#12: *1 cannot pay"),
        (
            "[Thu Jan 15 12:00:00.1 2026] [php:error] [pid 9] cannot pay",
            "[pid 9] cannot pay",
        ),
        ("E0115 12:00:00.123456       1 cart.go:12] cannot pay", "cannot pay"),
        (
            '2026-01-15 12:00:00 UTC:10.0.0.5(52118):app@shop:[4711]:ERROR:  relation "x" does not exist',
            'relation "x" does not exist',
        ),
        (f"{AT}\tERROR\tshop/cart.go:12\tcannot pay", "shop/cart.go:12\tcannot pay"),
        (f'{AT}\terror\tcannot pay\t{{"order": 17}}', "cannot pay"),
        ("Jan 15 12:00:00 web-1 shop[412]: ERROR cannot pay", "cannot pay"),
        ("\x1b[31mERROR\x1b[0m cannot pay", "cannot pay"),
        ("SEVERE: cannot pay", "cannot pay"),
        ("FATAL ERROR: Reached heap limit Allocation failed", "ERROR: Reached heap limit Allocation failed"),
    ],
)
def test_the_level_and_what_stands_behind_it(line: str, message: str) -> None:
    assert error(line).message == message


@pytest.mark.parametrize(
    "line",
    [
        "",
        " \n\t",
        "no error at all",
        "The ERROR page was shown",
        "0 errors, 0 warnings",
        "Error rate: 0.1 %",
        "errors.ERROR is a constant",
        "GET /error 200",
        '10.0.0.1 - - [15/Jan/2026:12:00:00 +0000] "GET /ERROR HTTP/1.1" 500 12',
        "INFO retrying after ERROR",
        "INFO:root:[ERROR] was handled",
        f"[INFO]\t{AT}\t{ID}\tERROR",
        f"[WARNING]\t{AT}\t{ID}\tfailed\n{PYTHON_STACK}",
        f"{AT}\t{ID}\tINFO\tError: boom\n    at pay (/app/cart.js:5:11)",
        f"{AT} WARN  Cart - failed\n{JAVA_STACK}",
        "W0115 12:00:00.123456 1 cart.go:12] ERROR",
        "FAIL src/cart.test.js",
        "http: TLS handshake error from 10.0.0.1:4711: EOF",
        "Trace: here\n    at pay (/app/cart.js:5:11)",
        "(node:8) Warning: old\n    at pay (/app/cart.js:5:11)",
        "/app/x.py:3: DeprecationWarning: old\n  import x",
        "PHP Warning:  Undefined variable $x in /app/x.php on line 3",
        "goroutine 1 [running]:\nmain.main()\n\t/app/main.go:5 +0x1d\n",
        "ValueError: only a header",
        "[Error: no such file]",
        "{broken json",
        '["error"]',
        "ERROR",
    ],
)
def test_what_is_no_error(line: str) -> None:
    assert not is_error(line)


@pytest.mark.parametrize(
    ("before", "stack"),
    [
        ("", PYTHON_STACK),
        (f"{AT} ", PYTHON_STACK),
        ("", JAVA_STACK),
        ('Exception in thread "main" ', JAVA_STACK),
        ("", "TypeError: boom\n    at pay (/app/cart.js:5:11)\n    at main (/app/index.js:2:3)"),
        (
            "/app/cart.js:5\n    throw new TypeError('boom')\n    ^\n\n",
            "TypeError: boom\n    at pay (/app/cart.js:5:11)\n\nNode.js v22.1.0",
        ),
        ("", "Unhandled exception. System.Exception: boom\n   at Shop.Cart.Pay() in /src/Cart.cs:line 12"),
        ("", "panic: boom\n\ngoroutine 1 [running]:\nmain.pay(...)\n\t/app/cart.go:12 +0x1d\nexit status 2"),
        (
            "2026/01/15 12:00:00 ",
            "http: panic serving 10.0.0.1:1: boom\ngoroutine 5 [running]:\nmain.pay()\n\t/cart.go:12 +0x1d",
        ),
        ("", "/app/cart.rb:5:in `pay': boom (RuntimeError)\n\tfrom /app/main.rb:3:in `<main>'"),
        ("", PHP_STACK),
    ],
)
def test_a_crash_needs_no_level(before: str, stack: str) -> None:
    found = error(before + stack)

    assert group(found) == group_over_http(message="x", stack=stack)
    assert "boom" in found.message or "total" in found.message


@pytest.mark.parametrize(
    "line",
    [
        "panic: boom",
        "fatal error: all goroutines are asleep - deadlock!",
        'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space',
        "PHP Parse error:  syntax error, unexpected end of file in /app/x.php on line 3",
        "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds",
    ],
)
def test_last_words_of_one_line(line: str) -> None:
    assert error(line).message == line


def test_message_and_stack_are_told_apart() -> None:
    for line in (
        f"ERROR:shop:Checkout of order 17 failed\n{PYTHON_STACK}",
        f"2026-01-15 12:00:00,123 ERROR Checkout of order 17 failed\n{PYTHON_STACK}\n",
    ):
        found = error(line)
        assert (found.message, found.stack) == ("Checkout of order 17 failed", PYTHON_STACK)
    assert error(f"ERROR line one\nline two\n{JAVA_STACK}").message == "line one\nline two"


def test_messages_of_several_lines() -> None:
    stack = f"{PYTHON_STACK[: PYTHON_STACK.rindex('KeyError')]}ValueError: first\nsecond\n  third"

    assert error(stack).message == "ValueError: first"
    assert error(stack).stack == stack
    found = error(f"ERROR:shop:failed\nnow\n{stack}")
    assert (found.message, found.stack) == ("failed\nnow", stack)
    cut_off = PYTHON_STACK.rpartition("\n")[0]
    assert error(f"ERROR:shop:failed\n{cut_off}").message == "failed"


def test_a_laravel_line() -> None:
    stack = (
        'boom {"exception":"[object] (Exception(code: 0): boom at /var/www/app/Cart.php:12)\n'
        '[stacktrace]\n#0 /var/www/app/Http/Pay.php(5): App\\Cart->pay()\n#1 {main}\n"}'
    )
    found = error(f"[2026-01-15 12:00:00] production.ERROR: {stack}")

    assert found.message == "boom"
    assert group(found) == group_over_http(message="boom", stack=stack)


@pytest.mark.parametrize(
    ("log_group", "source"),
    [
        ("/aws/lambda/shop-checkout", "shop-checkout"),
        ("/ecs/shop/web/", "web"),
        ("plain", "plain"),
        ("/aws/lambda/#1 best_function", "1-best_function"),
        ("/aws/lambda/_private", "private"),
        ("API-Gateway-Execution-Logs_a1b2c3/prod", "prod"),
        ("/", "logs"),
        ("", "logs"),
        ("/aws/lambda/###", "logs"),
    ],
)
def test_the_name_of_what_writes_into_a_group(log_group: str, source: str) -> None:
    assert source_of(log_group) == source


def test_long_names_stay_apart() -> None:
    one, two = source_of("/aws/lambda/" + "a" * 120 + "1"), source_of("/aws/lambda/" + "a" * 120 + "2")

    assert one != two
    assert len(one) == len(two) == 100
