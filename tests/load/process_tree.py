"""What a process and all its descendants use, as Linux counts it in /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stat:
    """`cpu` in seconds, with that of children which have ended and were waited for."""

    parent: int
    cpu: float


def parse_stat(text: str) -> Stat:
    """A line of /proc/PID/stat. Its second field, the name in brackets, may hold blanks and brackets."""
    fields = text.rpartition(")")[2].split()
    return Stat(parent=int(fields[1]), cpu=sum(map(int, fields[11:15])) / _TICKS)


def parse_pss(text: str) -> int:
    """Bytes, out of /proc/PID/smaps_rollup. What n processes share counts a nth for each.

    Raises ValueError where it says nothing of that.
    """
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0]) * 1_024
    raise ValueError("no Pss")


def tree(root: int) -> set[int]:
    """Process ids: `root` and its descendants. Empty where it has ended."""
    parents = {pid: stat.parent for pid, stat in _stats()}
    return {pid for pid in parents if root in _line_of(pid, parents)}


def cpu_seconds(root: int) -> float:
    """Of the whole tree since its start, to a hundredth of a second for each process."""
    stats = dict(_stats())
    parents = {pid: stat.parent for pid, stat in stats.items()}
    return sum(stat.cpu for pid, stat in stats.items() if root in _line_of(pid, parents))


def pss_bytes(root: int) -> int:
    """Memory of the whole tree."""
    found = 0
    for pid in tree(root):
        # One that ends meanwhile uses nothing; a zombie's file is empty.
        with contextlib.suppress(OSError, ValueError):
            found += parse_pss((_PROC / str(pid) / "smaps_rollup").read_text())
    return found


def _line_of(pid: int, parents: dict[int, int]) -> Collection[int]:
    """The process and those above it."""
    line = []
    while pid in parents:
        line.append(pid)
        pid = parents[pid]
    return line


def _stats() -> Iterator[tuple[int, Stat]]:
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                yield int(folder.name), parse_stat((folder / "stat").read_text())
