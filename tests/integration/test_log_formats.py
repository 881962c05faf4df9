"""Log lines out of the real programs: Lambda's Python runtime client, and Powertools' logger."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from core.domain.event import EventContent
from core.domain.fingerprint import fingerprint
from core.domain.log_lines import LoggedError, read

ID = "8f507cfc-4a1b-4697-b07a-ac58fc914c95"

_FUNCTION = """
import logging

def total(cart):
    return cart["total"]

def handler(event, context):
    if event["how"] == "log":
        logging.getLogger().info("an ERROR that is none")
        logging.getLogger().error("cannot pay %s", 17)
        return
    try:
        total({})
    except KeyError:
        if event["how"] == "raise":
            raise
        logging.getLogger().exception("cannot pay")
"""

_RUNTIME = """
import os, sys
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

class Client:
    marshaller = LambdaMarshaller()
    def post_invocation_error(self, *args): pass
    def post_invocation_result(self, *args): pass

with bootstrap.FramedTelemetryLogSink(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)) as sink:
    bootstrap._setup_logging(bootstrap._AWS_LAMBDA_LOG_FORMAT, "INFO", sink)
    bootstrap._GLOBAL_AWS_REQUEST_ID = sys.argv[2]
    handle = bootstrap._get_handler("function.handler")
    for how in ("log", "exception", "raise"):
        body = '{"how": "%s"}' % how
        bootstrap.handle_event_request(
            Client(), handle, sys.argv[2], body, "application/json", None, None, "arn", 0, None, sink
        )
"""

_POWERTOOLS = """
from aws_lambda_powertools import Logger
from function import total
logger = Logger(service="shop", serialize_stacktrace=True)
logger.info("an ERROR that is none")
try:
    total({})
except KeyError:
    logger.exception("cannot pay", extra={"order": 17})
logger.error({"text": "an object", "order": 17})
"""


@pytest.fixture
def function(tmp_path: Path) -> Path:
    (tmp_path / "function.py").write_text(_FUNCTION)
    return tmp_path


def _run(code: str, *arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(cwd), "AWS_LAMBDA_FUNCTION_NAME": "shop", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _events(path: Path) -> list[str]:
    """The frames of the telemetry protocol, each of which becomes a log event."""
    raw, at, events = path.read_bytes(), 0, []
    while at < len(raw):
        _, length, _ = struct.unpack_from(">IIq", raw, at)
        at += 16
        events.append(raw[at : at + length].decode())
        at += length
    return events


def _group(found: LoggedError) -> str:
    return fingerprint(EventContent(message=found.message, status_code=500, stack=found.stack)).value


def _over_http(function: Path) -> str:
    """The group of the same exception in the words of the interpreter."""
    stack = (
        f'Traceback (most recent call last):\n  File "{function}/function.py", line 12, in handler\n'
        f'    total({{}})\n  File "{function}/function.py", line 5, in total\n'
        "    return cart[\"total\"]\nKeyError: 'total'\n"
    )
    return fingerprint(EventContent(message="x", status_code=500, stack=stack)).value


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_lambdas_python_runtime(function: Path, log_format: str) -> None:
    _run(_RUNTIME, "log", ID, cwd=function, AWS_LAMBDA_LOG_FORMAT=log_format)

    events = _events(function / "log")
    errors = [found for event in events if (found := read(event, source="shop"))]
    assert len(events) == 4
    assert [found.message for found in errors] == ["cannot pay 17", "cannot pay", "KeyError: 'total'"]
    assert errors[0].stack is None
    assert {found.request_id for found in errors[:2]} == {ID}
    assert _group(errors[1]) == _group(errors[2]) == _over_http(function)


def test_powertools_logger(function: Path) -> None:
    lines = _run(_POWERTOOLS, cwd=function).splitlines()

    errors = [found for line in lines if (found := read(line, source="shop"))]
    assert len(lines) == 3
    assert [found.message for found in errors] == [
        "cannot pay",
        json.dumps({"text": "an object", "order": 17}),
    ]
    assert errors[0].fields["order"] == 17
    assert errors[0].stack is not None
    assert errors[0].stack.endswith("KeyError: 'total'")
