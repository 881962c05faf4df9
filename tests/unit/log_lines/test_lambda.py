"""What Lambda's runtimes and its platform write. Python's is taken from the runtime itself, in
`tests/integration/test_log_formats.py`; the rest is as AWS prints it."""

from __future__ import annotations

import json

import pytest

from tests.unit.log_lines import AT, ID, error, group, group_over_http, is_error

NBSP = "\xa0"

PYTHON = f"""[ERROR] KeyError: 'total'
Traceback (most recent call last):
{NBSP * 2}File "/var/task/app.py", line 7, in handler
{NBSP * 4}return pay(event)
{NBSP * 2}File "/var/task/shop/cart.py", line 3, in pay
{NBSP * 4}return cart["total"]"""

PYTHON_OVER_HTTP = """Traceback (most recent call last):
  File "/var/task/app.py", line 7, in handler
    return pay(event)
  File "/var/task/shop/cart.py", line 3, in pay
    return cart["total"]
KeyError: 'total'
"""

NODE_STACK = """TypeError: Cannot read properties of undefined (reading 'total')
    at pay (/var/task/cart.js:5:11)
    at Runtime.handler (/var/task/index.js:2:11)
    at Runtime.handleOnceNonStreaming (file:///var/runtime/index.mjs:1173:29)"""

NODE_ERROR = {
    "errorType": "TypeError",
    "errorMessage": "Cannot read properties of undefined (reading 'total')",
    "stack": NODE_STACK.split("\n"),
}

JAVA_STACK = """java.lang.IllegalStateException: no total
\tat shop.Cart.pay(Cart.java:12)
\tat shop.Handler.handleRequest(Handler.java:31)
\tat java.base/jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)
Caused by: java.lang.NullPointerException: total
\tat shop.Cart.total(Cart.java:40)
\t... 2 more
"""

DOTNET_STACK = """System.InvalidOperationException: no total
 ---> System.ArgumentNullException: Value cannot be null. (Parameter 'total')
   at Shop.Cart.Total() in /src/Cart.cs:line 40
   --- End of inner exception stack trace ---
   at Shop.Cart.Pay() in /src/Cart.cs:line 12
   at Shop.Function.FunctionHandler(Order order) in /src/Function.cs:line 31"""

RUBY_STACK = """/var/task/cart.rb:5:in `pay': no implicit conversion of String into Integer (TypeError)
\tfrom /var/task/function.rb:3:in `handler'"""


def test_python_unhandled() -> None:
    found = error(PYTHON)

    assert found.message == "KeyError: 'total'"
    assert found.stack is not None
    assert found.stack.endswith("KeyError: 'total'")
    assert group(found) == group_over_http(message="500", stack=PYTHON_OVER_HTTP)


def test_python_unhandled_as_carriage_returns_part_it() -> None:
    assert error(PYTHON.replace("\n", "\r") + "\n") == error(PYTHON)


def test_python_logged_with_and_without_its_exception() -> None:
    with_stack = error(f"[ERROR]\t{AT}\t{ID}\tCheckout of order 17 failed\n{PYTHON_OVER_HTTP}")
    without = error(f"[ERROR]\t{AT}\t{ID}\tCheckout of order 17 failed\n")

    assert with_stack.message == without.message == "Checkout of order 17 failed"
    assert with_stack.request_id == without.request_id == ID
    assert without.stack is None
    assert group(with_stack) == group_over_http(message="500", stack=PYTHON_OVER_HTTP)


def test_python_that_cannot_start() -> None:
    said = "Runtime.ImportModuleError: Unable to import module 'app': No module named 'requests'"
    advice = "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code."

    found = error(f"[ERROR] {said}\nTraceback (most recent call last):")

    assert (found.message, found.stack) == (said, None)
    assert error(f"{advice}\r[ERROR] {said}\rTraceback (most recent call last):") == found
    assert not is_error(advice)
    assert not is_error(f"[WARNING]\t{AT}\t\t{advice}")


@pytest.mark.parametrize(
    "line",
    [
        f"{AT}\t{ID}\tERROR\tInvoke Error \t{json.dumps(NODE_ERROR)}\n",
        f"{AT}\t{ID}\tERROR\tUncaught Exception \t{json.dumps(NODE_ERROR)}\n",
        f"{AT}\t{ID}\tERROR\t{NODE_STACK}\n",
        f"{AT}\t{ID}\tERROR\tUnhandled Promise Rejection \t"
        + json.dumps(
            {
                "errorType": "Runtime.UnhandledPromiseRejection",
                "errorMessage": "TypeError: Cannot read properties of undefined (reading 'total')",
                "reason": NODE_ERROR,
                "promise": {},
                "stack": [
                    "Runtime.UnhandledPromiseRejection: TypeError: Cannot read properties of undefined",
                    "    at process.<anonymous> (file:///var/runtime/index.mjs:1276:17)",
                ],
            }
        ),
        json.dumps(
            {
                "timestamp": AT,
                "level": "ERROR",
                "requestId": ID,
                "message": {
                    "errorType": "TypeError",
                    "errorMessage": NODE_ERROR["errorMessage"],
                    "stackTrace": NODE_ERROR["stack"],
                },
            }
        ),
    ],
)
def test_node_unhandled(line: str) -> None:
    found = error(line)

    assert found.message == "TypeError: Cannot read properties of undefined (reading 'total')"
    assert found.stack == NODE_STACK
    assert found.request_id == ID
    assert group(found) == group_over_http(message="boom", stack=NODE_STACK)


def test_node_logs_an_error_behind_a_text() -> None:
    line = {
        "timestamp": AT,
        "level": "ERROR",
        "requestId": ID,
        "message": f"cannot pay: {NODE_STACK}",
        "errorType": "TypeError",
        "errorMessage": NODE_ERROR["errorMessage"],
        "stackTrace": NODE_STACK.split("\n"),
    }
    found = error(json.dumps(line))

    assert found.message == "cannot pay: TypeError: Cannot read properties of undefined (reading 'total')"
    assert found.stack == NODE_STACK


def test_node_that_cannot_start() -> None:
    stack = [
        "Runtime.ImportModuleError: Error: Cannot find module 'axios'",
        "Require stack:",
        "- /var/task/index.js",
        "    at _loadUserApp (file:///var/runtime/index.mjs:1087:17)",
    ]
    line = {"errorType": "Runtime.ImportModuleError", "errorMessage": "Error: Cannot find module 'axios'"}
    found = error(f"{AT}\tundefined\tERROR\tUncaught Exception \t{json.dumps({**line, 'stack': stack})}")

    assert found.message == stack[0]
    assert found.stack == "\n".join(stack)
    assert found.request_id is None


def test_an_objects_own_level_counts_for_more_than_the_one_it_was_printed_with() -> None:
    line = json.dumps({"level": "error", "message": "cannot pay", "order": 7})

    found = error(f"{AT}\t{ID}\tINFO\t{line}")

    assert (found.message, found.request_id, found.fields) == ("cannot pay", ID, {"order": 7})
    assert not is_error(f"{AT}\t{ID}\tERROR\t{line.replace('error', 'info')}")


def test_java_unhandled_as_text_and_as_json() -> None:
    printed = f"no total: java.lang.IllegalStateException\n{JAVA_STACK}\n"
    as_json = json.dumps({"timestamp": AT, "message": printed, "level": "ERROR", "AWSRequestId": ID})

    for line in (printed, as_json):
        found = error(line)
        assert found.message == "java.lang.IllegalStateException: no total"
        assert found.stack == JAVA_STACK.strip()
        assert group(found) == group_over_http(message="x", stack=JAVA_STACK)


def test_java_logged_by_log4j() -> None:
    as_text = f"2026-01-15 12:00:00 {ID} ERROR Cart:12 - Checkout failed\n{JAVA_STACK}"
    as_json = json.dumps(
        {
            "timestamp": AT,
            "level": "ERROR",
            "message": "Checkout failed",
            "logger": "shop.Cart",
            "errorType": "java.lang.IllegalStateException",
            "errorMessage": "no total",
            "stackTrace": JAVA_STACK,
            "AWSRequestId": ID,
        }
    )
    for line in (as_text, as_json):
        found = error(line)
        assert found.message.endswith("Checkout failed")
        assert found.request_id == ID
        assert group(found) == group_over_http(message="x", stack=JAVA_STACK)


def test_java_frames_as_objects() -> None:
    frames = [
        {"class": "shop.Cart", "method": "pay", "file": "Cart.java", "line": 12},
        {"class": "shop.Handler", "method": "handleRequest", "file": "Handler.java", "line": 31},
        {"class": "jdk.internal.reflect.NativeMethodAccessorImpl", "method": "invoke0", "line": -2},
    ]
    inner = {
        "name": "java.lang.NullPointerException",
        "message": "total",
        "extendedStackTrace": [{"class": "shop.Cart", "method": "total", "file": "Cart.java", "line": 40}],
    }
    thrown = {"name": "java.lang.IllegalStateException", "message": "no total", "cause": inner}
    line = {"level": "ERROR", "message": "failed", "thrown": {**thrown, "extendedStackTrace": frames}}

    assert group(error(json.dumps(line))) == group_over_http(message="x", stack=JAVA_STACK)


def test_ruby_unhandled() -> None:
    line = json.dumps(
        {
            "errorMessage": "no implicit conversion of String into Integer",
            "errorType": "Function<TypeError>",
            "stackTrace": ["/var/task/cart.rb:5:in `pay'", "/var/task/function.rb:3:in `handler'"],
        },
        indent=2,
    )
    found = error(line)

    assert found.message == "TypeError: no implicit conversion of String into Integer"
    assert found.stack == RUBY_STACK
    assert group(found) == group_over_http(message="x", stack=RUBY_STACK)
    assert not is_error("Error raised from handler method")


def test_ruby_logged() -> None:
    assert error(f"E, [2026-01-15T12:00:00.123456 #8] ERROR {ID} -- : cannot pay").message == "cannot pay"
    assert error("F, [2026-01-15T12:00:00.123456 #8] FATAL -- shop: cannot pay").message == "cannot pay"
    assert not is_error(f"I, [2026-01-15T12:00:00.123456 #8]  INFO {ID} -- : ERROR")


def test_go_unhandled() -> None:
    panic = {
        "errorMessage": "runtime error: index out of range [3] with length 2",
        "errorType": "boundsError",
        "stackTrace": [
            {"path": "github.com/acme/shop/cart/cart.go", "line": 12, "label": "(*Cart).Pay"},
            {"path": "github.com/acme/shop/api/api.go", "line": 7, "label": "Handle"},
        ],
    }
    over_http = (
        "panic: runtime error: index out of range [3] with length 2\n\n"
        "goroutine 17 [running]:\n"
        "github.com/acme/shop/cart.(*Cart).Pay(0xc000012345)\n\t/build/cart/cart.go:12 +0x1d\n"
        "github.com/acme/shop/api.Handle({0x1, 0x2})\n\t/build/api/api.go:7 +0x25\n"
    )
    found = error(f"2026/01/15 12:00:00 {json.dumps(panic)}")

    assert found.message == "boundsError: runtime error: index out of range [3] with length 2"
    assert group(found) == group_over_http(message="x", stack=over_http)


def test_go_returned_error() -> None:
    line = '2026/01/15 12:00:00 {"errorMessage":"no such order","errorType":"errorString"}'

    assert (error(line).message, error(line).stack) == ("no such order", None)


def test_dotnet_as_text_and_as_json() -> None:
    as_json = {
        "timestamp": AT,
        "level": "Error",
        "requestId": ID,
        "message": "cannot pay",
        "errorType": "System.InvalidOperationException",
        "errorMessage": "no total",
        "stackTrace": [line.strip() for line in DOTNET_STACK.split("\n")],
    }
    for line in (f"{AT}\t{ID}\tfail\tcannot pay\n{DOTNET_STACK}\n", json.dumps(as_json)):
        found = error(line)
        assert (found.message, found.request_id) == ("cannot pay", ID)
        assert group(found) == group_over_http(message="x", stack=DOTNET_STACK)
    assert not is_error(f"{AT}\t{ID}\tinfo\tError: x\n   at Shop.Cart.Pay() in /src/Cart.cs:line 12")


TIMED_OUT = "shop-checkout: Task timed out after 3.00 seconds"


def _record(type_: str, **record: object) -> str:
    return json.dumps({"time": AT, "type": type_, "record": {"requestId": ID, **record}})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{AT} {ID} Task timed out after 3.00 seconds\n\n", TIMED_OUT),
        (_record("platform.report", status="timeout", metrics={"durationMs": 3000.0}), TIMED_OUT),
        (_record("platform.runtimeDone", status="timeout", metrics={"durationMs": 3000}), TIMED_OUT),
        (_record("platform.report", status="timeout"), "shop-checkout: Task timed out"),
        (
            f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n",
            "shop-checkout: Runtime exited with error: signal: killed (Runtime.ExitError)",
        ),
        (
            f"RequestId: {ID} Error: Runtime exited without providing a reason\nRuntime.ExitError",
            "shop-checkout: Runtime exited without providing a reason (Runtime.ExitError)",
        ),
        (
            f"RequestId: {ID} Error: fork/exec /opt/bootstrap: exec format error\nRuntime.InvalidEntrypoint",
            "shop-checkout: fork/exec /opt/bootstrap: exec format error (Runtime.InvalidEntrypoint)",
        ),
        (
            f"RequestId: {ID} Process exited before completing request\n\n",
            "shop-checkout: Process exited before completing request",
        ),
        (
            _record("platform.runtimeDone", status="error", errorType="Runtime.ExitError"),
            "shop-checkout: Runtime exited (Runtime.ExitError)",
        ),
        (
            _record(
                "platform.report",
                status="error",
                errorType="Runtime.OutOfMemory",
                metrics={"durationMs": 812.5, "memorySizeMB": 128, "maxMemoryUsedMB": 128},
            ),
            "shop-checkout: Runtime exited: it had used all of its memory (Runtime.OutOfMemory)",
        ),
    ],
)
def test_the_platforms_words(line: str, message: str) -> None:
    assert (error(line).message, error(line).request_id) == (message, ID)


@pytest.mark.parametrize(
    "line",
    [
        f"START RequestId: {ID} Version: $LATEST\n",
        f"END RequestId: {ID}\n",
        f"REPORT RequestId: {ID}\tDuration: 3000.00 ms\tStatus: error\tError Type: Runtime.ExitError\n",
        "INIT_START Runtime Version: python:3.11.v70\tRuntime Version ARN: arn:aws:lambda:eu-central-1::x\n",
        "INIT_REPORT Init Duration: 10008.52 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n",
        "EXTENSION\tName: datadog\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n",
        "XRAY TraceId: 1-5bef4de7-ad49b0e87f6ef6c87fc2e700\tSegmentId: 1\tSampled: true",
        _record("platform.report", status="success", metrics={"durationMs": 3.0}),
        _record("platform.report", status="failure", errorType="Function.Error"),
        _record("platform.start", version="$LATEST"),
        _record("platform.initReport", status="error", errorType="Runtime.ExitError"),
        _record("platform.report", status=["error"]),
    ],
)
def test_what_the_platform_says_of_every_invocation_is_no_error(line: str) -> None:
    """Of a failure, what the function threw has a line of its own."""
    assert not is_error(line)
