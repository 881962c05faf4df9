"""The programs that are started: they end with the one that started them, and say what went wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.deploy import children
from tests.conftest import ROOT

STARTER = """
import signal, sys
from pathlib import Path
from infra.deploy import children
signal.signal(signal.SIGTERM, signal.default_int_handler)
child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
children.show([sys.executable, "-c", child], cwd=Path.cwd())
"""


def test_what_was_started_ends_with_its_starter() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert starter.stdout
        child = int(starter.stdout.readline())
        os.kill(starter.pid, signal.SIGTERM)
        assert starter.wait(30) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_what_does_not_answer_is_said(tmp_path: Path) -> None:
    slow = children.ask([sys.executable, "-c", "import time; time.sleep(60)"], cwd=tmp_path, seconds=0.2)
    assert (slow.ok, slow.code, slow.last_line) == (False, 124, "did not answer for 0 s")
    missing = children.ask(["no-such-program"], cwd=tmp_path)
    assert (missing.code, missing.last_line) == (127, "is not installed")
    silent = children.ask([sys.executable, "-c", "raise SystemExit(3)"], cwd=tmp_path)
    assert silent.last_line == "exit code 3"


def test_standard_input_is_not_on_the_command_line(tmp_path: Path) -> None:
    told = children.ask([sys.executable, "-c", "print(input().upper())"], cwd=tmp_path, stdin="token\n")
    assert (told.ok, told.out) == (True, "TOKEN")
