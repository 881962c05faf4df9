"""Stacks that came as a log event for each line."""

from __future__ import annotations

from itertools import count

import pytest

from core.domain.log_lines import LogLine, join, read
from tests.unit.log_lines import AT, is_error


def _lines(text: str, *, start: int = 0, step: int = 1) -> list[LogLine]:
    numbers = count()
    return [
        LogLine(id=str(number), timestamp=start + step * number, text=line)
        for line, number in zip(text.split("\n"), numbers, strict=False)
    ]


def _errors(lines: list[LogLine]) -> list[str]:
    found = (read(line.text, source="web") for line in join(lines))
    return [each.message for each in found if each is not None]


PYTHON = """Traceback (most recent call last):
  File "/app/shop/db.py", line 2, in get
    ERROR = raise_it()
TimeoutError: 3 s

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/cart.py", line 3, in pay
    return cart["total"]
           ~~~~^^^^^^^^^
KeyError: 'total'"""

JAVA = """Exception in thread "main" java.lang.IllegalStateException: no total
\tat shop.Cart.pay(Cart.java:12)
Caused by: java.lang.NullPointerException: total
\tat shop.Cart.total(Cart.java:40)
\t... 1 more"""

NODE = """TypeError: boom
    at pay (/app/cart.js:5:11) {
  code: 'E_TOTAL',
  [cause]: Error: inner
      at total (/app/cart.js:9:3)
}"""

DOTNET = """Unhandled exception. System.Exception: boom
 ---> System.ArgumentException: inner
   at Shop.Cart.Total() in /src/Cart.cs:line 40
   --- End of inner exception stack trace ---
   at Shop.Cart.Pay() in /src/Cart.cs:line 12"""

GOROUTINE = """goroutine 1 [running]:
main.pay(...)
\t/app/cart.go:12 +0x1d
main.main()
\t/app/main.go:5 +0x1d
exit status 2"""

GO = f"panic: boom [recovered]\n\n{GOROUTINE}"

PHP = """PHP Fatal error:  Uncaught Exception: boom in /app/Cart.php:3
Stack trace:
#0 /app/index.php(5): App\\Cart->pay()
#1 {main}
  thrown in /app/Cart.php on line 3"""


@pytest.mark.parametrize(
    "stack",
    [
        PYTHON,
        f"ERROR:    Exception in ASGI application\n{PYTHON}",
        JAVA,
        NODE,
        DOTNET,
        GO,
        f"2026/01/15 12:00:00 http: panic serving 10.0.0.1:4711: boom\n{GOROUTINE}",
        PHP,
        "/app/cart.rb:5:in `pay': boom (RuntimeError)\n\tfrom /app/main.rb:3:in `<main>'",
        '{\n  "errorType": "Function<TypeError>",\n  "errorMessage": "boom",\n  "stackTrace": []\n}',
    ],
)
def test_a_stack_is_one_event_again(stack: str) -> None:
    before, after = f"{AT} INFO starting", f"{AT} INFO stopping"

    joined = join(_lines("\n".join([before, stack, after])))

    assert [line.text for line in joined] == [before, stack, after]
    assert joined[1].id == "1"
    assert is_error(joined[1].text)


def test_a_traceback_under_another_programs_line_stays_its_own() -> None:
    access = 'INFO:     10.0.0.1:4711 - "GET / HTTP/1.1" 500 Internal Server Error'

    assert len(_errors(_lines(f"{access}\n{PYTHON}\n{access}"))) == 1
    assert _errors(_lines("ERROR one\nERROR two\n  detail\nERROR three")) == [
        "one",
        "two\n  detail",
        "three",
    ]
    assert _errors(_lines("INFO one\n  [error] two")) == ["two"]


def test_lines_that_are_apart_in_time_are_apart() -> None:
    apart = _lines("ERROR one\n  two", step=2_000)

    assert len(join(apart)) == 2


def test_whole_events_stay_alone() -> None:
    json_line, framed = '{"level":"error","message":"x"}', f"[ERROR] ValueError: x\n{PYTHON}"

    for whole in (json_line, framed, framed.replace("\n", "\r")):
        lines = [LogLine(id="1", timestamp=0, text=whole), LogLine(id="2", timestamp=0, text="  more")]
        assert join(lines) == lines


@pytest.mark.parametrize(
    "after", [f"{AT} INFO x", "22 Nov 2026 00:45:30 [INFO] x", "INFO: x", "plain words", "{}"]
)
def test_a_traceback_that_lambda_printed_under_its_header_takes_nothing_more(after: str) -> None:
    header, frames = "[ERROR] KeyError: 'total'", PYTHON.partition("\n\n")[0].rpartition("\n")[0]

    assert [line.text for line in join(_lines(f"{header}\n{frames}\n{after}"))] == [
        f"{header}\n{frames}",
        after,
    ]


def test_what_ends_a_traceback() -> None:
    assert len(join(_lines(f"{PYTHON}\nSTART RequestId: x\nplain words"))) == 3
    assert join([]) == []
