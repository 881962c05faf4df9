"""The fake models' poison: it kills who sends it, and nobody else."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.fakes.running import ModelServer, running_model_server

_SEND = """
import sys, httpx2
body = {"model": "m", "messages": [{"role": "user", "content": sys.argv[2]}]}
headers = {"Authorization": "Bearer k"}
httpx2.post(sys.argv[1] + "/chat/completions", json=body, headers=headers, trust_env=False)
"""


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with running_model_server() as server:
        yield server


def sent(models: ModelServer, text: str) -> subprocess.CompletedProcess[bytes]:
    """How a process ended that asked a model this, in a group of its own."""
    words = [sys.executable, "-c", _SEND, models.openai_base_url, text]
    return subprocess.run(words, cwd=ROOT, check=False, timeout=30, start_new_session=True)


@pytest.mark.parametrize("kills", ["process", "group"])
def test_who_sends_the_poison_is_killed(models: ModelServer, kills: str) -> None:
    models.reset()
    models.poison("arsenic", kills=kills)
    assert sent(models, "a barrel of herring").returncode == 0
    assert sent(models, "a barrel of arsenic").returncode == -signal.SIGKILL
    models.reset()
    assert sent(models, "a barrel of arsenic").returncode == 0
