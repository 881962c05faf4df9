"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from infra.local.binaries import postgres_install, valkey_program
from infra.simulation.table import markdown


def machine() -> str:
    """A Markdown table. The day is the one on which this is called."""
    rows = {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{os.cpu_count()} cores of {_field('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": _version(postgres_install(None).program("postgres")),
        "Valkey": _version(valkey_program()),
    }
    return markdown(("", ""), list(rows.items()))


def _field(path: str, name: str) -> str:
    found = re.search(rf"^{name}\s*: *(.*)$", Path(path).read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
    found = re.search(r"(?:v=|\) )([\d.]+)", said.stdout)
    return found[1] if found else "unknown"
