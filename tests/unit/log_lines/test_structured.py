"""Lines of loggers that write JSON or name=value pairs."""

from __future__ import annotations

import json

import pytest

from tests.unit.log_lines import AT, ID, error, group, group_over_http, is_error

PYTHON_STACK = """Traceback (most recent call last):
  File "/app/shop/cart.py", line 3, in pay
    return cart["total"]
KeyError: 'total'"""

CHAINED = """Traceback (most recent call last):
  File "/app/shop/db.py", line 2, in get
    raise TimeoutError
TimeoutError: 3 s

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/cart.py", line 3, in pay
    return cart["total"]
KeyError: 'total'"""

NODE_STACK = "Error: no total\n    at pay (/app/cart.js:5:11)\n    at main (/app/index.js:2:3)"
JAVA_STACK = "java.lang.IllegalStateException: no total\n\tat shop.Cart.pay(Cart.java:12)\n"
GO_STACK = "no total\nmain.pay\n\t/app/cart.go:12\nmain.main\n\t/app/main.go:5"

NODE_OBJECT = {"type": "Error", "message": "no total", "stack": NODE_STACK}


@pytest.mark.parametrize(
    ("line", "stack"),
    [
        pytest.param(
            {"level": "ERROR", "message": "failed", "exception": PYTHON_STACK, "exception_name": "KeyError"},
            PYTHON_STACK,
            id="Powertools for Python",
        ),
        pytest.param(
            {
                "level": "ERROR",
                "message": "failed",
                "stack_trace": {
                    "type": "KeyError",
                    "value": "'total'",
                    "module": "builtins",
                    "frames": [
                        {"file": "/app/shop/cart.py", "line": 3, "function": "pay", "statement": "return x"}
                    ],
                },
                "exception_name": "KeyError",
            },
            PYTHON_STACK,
            id="Powertools for Python, frames",
        ),
        pytest.param(
            {"level": "ERROR", "message": "failed", "error": {**NODE_OBJECT, "name": "Error"}},
            NODE_STACK,
            id="Powertools for TypeScript",
        ),
        pytest.param(
            {
                "level": "Error",
                "message": "failed",
                "exception": {
                    "type": "System.InvalidOperationException",
                    "message": "no total",
                    "stack_trace": "   at Shop.Cart.Pay() in /src/Cart.cs:line 12",
                },
            },
            "System.InvalidOperationException: no total\n   at Shop.Cart.Pay() in /src/Cart.cs:line 12",
            id="Powertools for .NET",
        ),
        pytest.param(
            {"level": "error", "event": "failed", "exception": PYTHON_STACK}, PYTHON_STACK, id="structlog"
        ),
        pytest.param(
            {
                "level": "error",
                "event": "failed",
                "exception": [
                    {
                        "exc_type": "KeyError",
                        "exc_value": "'total'",
                        "is_cause": False,
                        "frames": [{"filename": "/app/shop/cart.py", "lineno": 3, "name": "pay", "line": ""}],
                    },
                    {
                        "exc_type": "TimeoutError",
                        "exc_value": "3 s",
                        "is_cause": True,
                        "frames": [{"filename": "/app/shop/db.py", "lineno": 2, "name": "get", "line": "x"}],
                    },
                ],
            },
            CHAINED,
            id="structlog, dictionaries",
        ),
        pytest.param(
            {"levelname": "ERROR", "message": "failed", "exc_info": PYTHON_STACK},
            PYTHON_STACK,
            id="python-json-logger",
        ),
        pytest.param(
            {
                "text": f"2026-01-15 12:00:00.1 | ERROR    | shop.cart:pay:3 - failed\n{PYTHON_STACK}\n",
                "record": {
                    "level": {"icon": "x", "name": "ERROR", "no": 40},
                    "message": "failed",
                    "exception": {"type": "KeyError", "value": "'total'", "traceback": True},
                },
            },
            PYTHON_STACK,
            id="loguru",
        ),
        pytest.param({"level": 50, "msg": "failed", "err": NODE_OBJECT, "v": 1}, NODE_STACK, id="pino"),
        pytest.param(
            {"name": "shop", "level": 60, "msg": "failed", "err": {**NODE_OBJECT, "name": "Error"}, "v": 0},
            NODE_STACK,
            id="bunyan",
        ),
        pytest.param({"level": "error", "message": "failed", "stack": NODE_STACK}, NODE_STACK, id="winston"),
        pytest.param(
            {"@timestamp": AT, "level": "ERROR", "level_value": 40000, "message": "failed"}
            | {"stack_trace": JAVA_STACK},
            JAVA_STACK,
            id="logback",
        ),
        pytest.param(
            {"log.level": "ERROR", "message": "failed", "error.type": "x", "error.stack_trace": JAVA_STACK},
            JAVA_STACK,
            id="ECS",
        ),
        pytest.param(
            {"level": "error", "msg": "failed", "error": "no total", "stacktrace": GO_STACK[9:]},
            GO_STACK,
            id="zap",
        ),
        pytest.param(
            {"@l": "Error", "@mt": "failed", "@x": f"System.Exception: x\n{'   at Shop.Cart.Pay()'}"},
            "System.Exception: x\n   at Shop.Cart.Pay()",
            id="Serilog",
        ),
        pytest.param(
            {"severityText": "ERROR", "body": "failed", "exception.stacktrace": JAVA_STACK},
            JAVA_STACK,
            id="OpenTelemetry",
        ),
        pytest.param(
            {"level": 400, "level_name": "ERROR", "message": "failed", "stack": NODE_STACK},
            NODE_STACK,
            id="Monolog's levels",
        ),
    ],
)
def test_what_was_said_and_the_stack_that_the_runtime_would_have_printed(
    line: dict[str, object], stack: str
) -> None:
    found = error(json.dumps(line))

    assert found.message == "failed"
    assert group(found) == group_over_http(message="x", stack=stack)


@pytest.mark.parametrize(
    "level",
    [
        {"level": "ERROR"},
        {"level": "critical"},
        {"level": "FATAL"},
        {"severity": "ERROR"},
        {"severity": "EMERGENCY"},
        {"levelname": "CRITICAL"},
        {"level": 50},
        {"level": "60"},
        {"log": {"level": "error"}},
        {"level": {"name": "ERROR", "no": 40}},
        {"fields": {"severity": "error"}},
        {"level": 3, "short_message": "failed"},
    ],
)
def test_levels_that_are_errors(level: dict[str, object]) -> None:
    assert error(json.dumps({"message": "failed", **level})).message == "failed"


@pytest.mark.parametrize(
    "line",
    [
        {"level": "INFO", "message": "ERROR: nothing"},
        {"level": "WARN", "message": "failed", "stack": NODE_STACK},
        {"level": "warning", "message": "failed", "exception": PYTHON_STACK},
        {"level": "debug", "error": NODE_OBJECT},
        {"severity": "NOTICE", "message": "error"},
        {"level": 40, "msg": "a warning of pino's", "err": NODE_OBJECT},
        {"level": 200, "level_name": "INFO", "message": "error"},
        {"level": 6, "short_message": "GELF's info"},
        {"message": "error"},
        {"error": "boom", "ok": False},
        {"error": {"code": "not_found", "message": "no such order"}},
        {"statusCode": 500, "body": '{"message": "Internal Server Error"}'},
        {"_aws": {"CloudWatchMetrics": [{"Namespace": "x", "Metrics": [{"Name": "Errors"}]}]}, "Errors": [3]},
        {"level": None, "message": "x"},
        {"level": ["error"], "message": "x"},
    ],
)
def test_what_is_no_error(line: dict[str, object]) -> None:
    assert not is_error(json.dumps(line))


def test_without_a_level_a_stack_is_an_error() -> None:
    assert error(json.dumps({"message": "failed", "stack": NODE_STACK})).stack == NODE_STACK
    assert error(json.dumps({"errorType": "Error", "errorMessage": "boom"})).message == "Error: boom"


def test_the_request_that_failed() -> None:
    line = {
        "level": 50,
        "req": {"id": "r-7", "method": "post", "url": "/checkout/17?coupon=x"},
        "res": {"statusCode": 503},
        "err": NODE_OBJECT,
        "msg": "request errored",
        "env": "production",
        "release": "2026.3",
        "order": {"id": 17},
    }
    found = error(json.dumps(line))

    assert (found.method, found.path, found.status_code) == ("POST", "/checkout/17?coupon=x", 503)
    assert (found.environment, found.release, found.request_id) == ("production", "2026.3", "r-7")
    assert found.fields["order"] == {"id": 17}
    assert "err" not in found.fields


@pytest.mark.parametrize(
    ("fields", "method", "path", "status"),
    [
        ({"http": {"method": "GET", "status_code": 502, "target": "/a"}}, "GET", "/a", 502),
        ({"http.request.method": "PUT", "url.path": "/a", "status": "504"}, "PUT", "/a", 504),
        (
            {"httpRequest": {"requestMethod": "GET", "requestUrl": "https://x/a", "status": 500}},
            "GET",
            "https://x/a",
            500,
        ),
        ({"status": 404, "method": "GET", "path": "/a"}, "GET", "/a", 500),
        ({"status": "active", "method": "charge_card", "path": "/var/data/orders.csv"}, None, None, 500),
        ({"statusCode": True, "path": "/a"}, None, None, 500),
    ],
)
def test_only_what_is_a_request_counts_as_one(
    fields: dict[str, object], method: str | None, path: str | None, status: int
) -> None:
    found = error(json.dumps({"level": "error", "message": "failed", **fields}))

    assert (found.method, found.path, found.status_code) == (method, path, status)


def test_an_exception_without_frames_is_told_by_its_header() -> None:
    line = {"level": "error", "msg": "failed", "err": {"type": "CardDeclined", "message": "no money"}}
    bare = {"level": "error", "err": {"type": "CardDeclined", "message": "no money"}}

    assert (error(json.dumps(line)).message, error(json.dumps(line)).stack) == (
        "failed",
        "CardDeclined: no money",
    )
    assert (error(json.dumps(bare)).message, error(json.dumps(bare)).stack) == (
        "CardDeclined: no money",
        None,
    )


def test_an_error_that_says_nothing_is_told_by_its_fields() -> None:
    assert error('{"level":"error","order":17}').message == '{"order": 17}'
    assert not is_error('{"level":"error"}')


def test_causes_are_kept() -> None:
    cause = {
        "name": "TimeoutError",
        "message": "3 s",
        "stack": "TimeoutError: 3 s\n    at get (/app/db.js:2:1)",
    }
    outer = {"name": "Error", "message": "no total", "stack": NODE_STACK, "cause": cause}
    dotnet = {
        "type": "System.Exception",
        "message": "outer",
        "stack_trace": "   at Shop.Cart.Pay()",
        "inner_exception": {
            "type": "System.ArgumentException",
            "message": "inner",
            "stack_trace": "   at Shop.Cart.Total()",
        },
    }
    in_dotnet = (
        "System.Exception: outer\n ---> System.ArgumentException: inner\n   at Shop.Cart.Total()\n"
        "   --- End of inner exception stack trace ---\n   at Shop.Cart.Pay()"
    )

    assert error(json.dumps({"level": "ERROR", "error": outer})).stack == (
        f"{NODE_STACK}\n[cause]: TimeoutError: 3 s\n    at get (/app/db.js:2:1)"
    )
    assert error(json.dumps({"level": "Error", "exception": dotnet})).stack == in_dotnet


def test_pairs() -> None:
    line = f'time="{AT}" level=error msg="cannot pay \\"now\\"" order=17 method=POST path=/pay status=502'
    found = error(line)

    assert found.message == 'cannot pay "now"'
    assert (found.method, found.path, found.status_code) == ("POST", "/pay", 502)
    assert found.fields["order"] == "17"
    assert not is_error(f'time="{AT}" level=info msg="an error"')
    assert error('level=error a="unfinished').message == 'a="unfinished'


def test_a_line_that_a_container_log_router_wrapped() -> None:
    wrapped = {"container_id": "1f", "container_name": "web", "source": "stdout", "log": ""}

    assert error(json.dumps(wrapped | {"log": "ERROR:root:cannot pay"})).message == "cannot pay"
    assert error(json.dumps(wrapped | {"log": '{"level":50,"msg":"cannot pay"}'})).message == "cannot pay"
    assert not is_error(json.dumps(wrapped | {"log": "INFO:root:no error"}))


def test_large_lines_are_cut() -> None:
    deep: object = "x"
    for _ in range(100):
        deep = [deep]
    line = {"level": "error", "message": "m" * 50_000, "deep": deep, "long": "l" * 50_000}
    found = error(json.dumps(line | {"stack": "Error: x\n" + "    at f (/a.js:1:1)\n" * 50_000}))

    assert len(found.message) == 8_000
    assert found.stack is not None
    assert len(found.stack) < 201_000
    assert len(json.dumps(found.fields)) < 5_000


def test_the_request_id_of_every_runtime() -> None:
    for name in ("requestId", "AWSRequestId", "function_request_id", "aws_request_id"):
        assert error(json.dumps({"level": "ERROR", "message": "x", name: ID})).request_id == ID
