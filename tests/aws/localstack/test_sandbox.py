"""A function's process alone, without LocalStack around it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped, unused-ignore]
import pytest

from infra.lambda_runtime import parts
from infra.local.undertaker import lives
from infra.localstack.runtime.function_process import Function
from infra.localstack.runtime.runtime_api import LARGEST_ANSWER
from infra.localstack.runtime.sandbox import Outcome, Sandbox
from tests.conftest import ROOT
from tests.e2e.program import wait_until

CODE = """
import os, subprocess, sys, time

def handler(event, context):
    return globals()[event["do"]](event)

def pid(event):
    return os.getpid()

def packages(event):
    import importlib.metadata
    return sorted(found.name for found in importlib.metadata.distributions())

def child_then_sleep(event):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    print("child", child.pid, flush=True)
    time.sleep(300)

def long(event):
    return "x" * event["size"]

def write(event):
    sys.stdout.write("no end of line")
    return "done"
"""
ORPHAN = """
import sys
from pathlib import Path
from infra.localstack.runtime.function_process import Function
from infra.localstack.runtime.sandbox import Sandbox
python, code, scratch = map(Path, sys.argv[1:])
function = Function(python=python, code=code, handler="code_under_test.handler", timeout=300, memory_mb=128,
    environment={}, scratch=scratch)
sandbox = Sandbox(function)
print(sandbox.invoke("1", b'{"do": "pid"}', function_arn="arn", trace="t").payload.decode(), flush=True)
sandbox.invoke("2", b'{"do": "child_then_sleep"}', function_arn="arn", trace="t")
"""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parts.interpreter(tmp_path_factory.mktemp("python"))


@pytest.fixture
def function(python: Path, tmp_path: Path) -> Function:
    code = tmp_path / "code"
    code.mkdir()
    (code / "code_under_test.py").write_text(textwrap.dedent(CODE))
    return Function(
        python=python,
        code=code,
        handler="code_under_test.handler",
        timeout=2,
        memory_mb=128,
        environment={},
        scratch=tmp_path / "scratch",
    )


@pytest.fixture
def sandbox(function: Function) -> Iterator[Sandbox]:
    sandbox = Sandbox(function)
    yield sandbox
    sandbox.close()


def ask(sandbox: Sandbox, **event: Any) -> Outcome:
    return sandbox.invoke("the-id", json.dumps(event).encode(), function_arn="arn", trace="t")


def test_only_the_packages_of_lambdas_runtime_are_there(sandbox: Sandbox) -> None:
    assert json.loads(ask(sandbox, do="packages").payload) == [
        "awslambdaric",
        "boto3",
        "botocore",
        "jmespath",
        "python-dateutil",
        "s3transfer",
        "simplejson",
        "six",
        "snapshot-restore-py",
        "urllib3",
    ]


def test_time_up_ends_what_the_function_started_too(sandbox: Sandbox) -> None:
    outcome = ask(sandbox, do="child_then_sleep")
    assert outcome.failed
    assert "the-id Task timed out after 2.00 seconds" in outcome.logs
    (child,) = [int(line.split()[1]) for line in outcome.logs.splitlines() if line.startswith("child ")]
    wait_until(lambda: not lives(child), 10, "the function's child has ended")


def test_closing_ends_a_running_function(sandbox: Sandbox) -> None:
    pid = json.loads(ask(sandbox, do="pid").payload)
    sandbox.close()
    assert not lives(pid)


def test_a_function_does_not_outlive_its_parent(function: Function) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, function.python, function.code, function.scratch],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())

        def children() -> list[psutil.Process]:
            return list(psutil.Process(pid).children())

        (child,) = wait_until(children, 20, "the function has started a child")
        parent.kill()
    wait_until(lambda: not lives(pid) and not lives(child.pid), 10, "the function and its child have ended")


def test_a_longer_answer_than_lambda_takes_is_refused(sandbox: Sandbox) -> None:
    # Two quotation marks belong to it.
    assert not ask(sandbox, do="long", size=LARGEST_ANSWER - 2).failed
    outcome = ask(sandbox, do="long", size=LARGEST_ANSWER - 1)
    assert outcome.failed
    assert json.loads(outcome.payload)["errorType"] == "Function.ResponseSizeTooLarge"


def test_the_log_has_lambdas_own_lines_around_the_output(sandbox: Sandbox) -> None:
    first, second, third, fourth = ask(sandbox, do="write").logs.splitlines()
    assert first == "START RequestId: the-id Version: $LATEST"
    assert second == "no end of line"
    assert third == "END RequestId: the-id"
    assert fourth.startswith("REPORT RequestId: the-id\tDuration: ")
    assert "Init Duration" in fourth
    assert "Init Duration" not in ask(sandbox, do="write").logs
