"""The end of a worker that nothing else could help."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from worker.watchdog import EXIT_CODE

_SECONDS = 30
_DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
_LISTENING = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3));"
_LEAVE = "from worker import watchdog; watchdog.leave({within}); time.sleep(60)"


@pytest.mark.parametrize(
    ("main_thread", "within", "code"), [(_LISTENING, 60, 3), (_DEAF, 0.2, EXIT_CODE)], ids=["hears", "hangs"]
)
def test_a_process_leaves_by_sigterm_or_at_once_when_it_does_not_hear(
    main_thread: str, within: float, code: int
) -> None:
    program = main_thread + _LEAVE.format(within=within)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=_SECONDS, check=False)
    assert done.returncode == code
