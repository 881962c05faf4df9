"""What Lambda does of a snapshot, by its own runner: hooks run, and copies of one memory that must differ."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

_START = """
import ctypes, os, random, sys
import handlers.api
from awslambdaric.lambda_runtime_hooks_runner import run_after_restore, run_before_snapshot
from core.domain.ids import new_id
from snapshot_restore_py import get_after_restore, get_before_snapshot

def copy(wake):
    read, write = os.pipe()
    # Not os.fork(), which would tell Python and its libraries that this is a copy.
    if ctypes.CDLL(None).fork() == 0:
        wake()
        os.write(write, f"{str(new_id())[15:]} {random.random()}".encode())
        os._exit(0)
    os.close(write)
    os.wait()
    return os.read(read, 200)
"""


def said_by(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _START + code],
        cwd=ROOT,
        env={"DATABASE_URL": "postgresql://localhost/none", "PATH": "", "AUTH": "required", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_everything_is_loaded_before_the_snapshot_and_not_earlier() -> None:
    code = """
print("handlers.app" in sys.modules, end=" ")
run_before_snapshot()
print("handlers.app" in sys.modules)
"""
    assert said_by(code, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") == "False True"


def test_copies_that_wake_have_random_numbers_of_their_own() -> None:
    code = """
new_id(), random.random()
run_before_snapshot()
print(copy(lambda: None) == copy(lambda: None), end=" ")
print(copy(run_after_restore) == copy(run_after_restore))
"""
    assert said_by(code, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") == "True False"


def test_each_kind_of_random_number_is_renewed() -> None:
    code = """
new_id(), random.random()
run_before_snapshot()
one, other = (copy(run_after_restore).split() for _ in range(2))
print(*(mine != theirs for mine, theirs in zip(one, other)))
"""
    assert said_by(code, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") == "True True"


def test_a_start_on_demand_loads_and_registers_nothing() -> None:
    code = """
print("handlers.app" in sys.modules, len(get_before_snapshot()), len(get_after_restore()))
"""
    assert said_by(code, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand") == "False 0 0"


def test_provisioned_processes_are_ready_before_their_first_request() -> None:
    code = """
print("handlers.app" in sys.modules)
"""
    assert said_by(code, AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency") == "True"
