"""What a long measurement says while it runs: on stderr, since the table is on stdout."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
