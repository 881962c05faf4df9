"""Programs of .venv-audit."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.security.errors import SecurityError
from infra.security.locks import ROOT

AUDIT_PROGRAMS = ROOT / ".venv-audit" / "bin"
_SECONDS = 600.0


def run_tool(program: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """How it ended is the caller's to judge. Raises SecurityError where it is not there or does not end."""
    try:
        return subprocess.run(
            [program, *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise SecurityError(f"{program.name} is not installed: `make .venv-audit/.ready` does it") from None
    except subprocess.TimeoutExpired:
        raise SecurityError(f"{program.name} did not end within {_SECONDS:g} s") from None


def last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1].strip() if lines else "it did not say why"
