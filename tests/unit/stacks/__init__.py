"""Stack texts as runtimes print them, one a file."""

from __future__ import annotations

from pathlib import Path

NAMES = sorted(path.name for path in Path(__file__).parent.glob("*.txt"))


def read_stack(name: str) -> str:
    return (Path(__file__).parent / name).read_bytes().decode()
