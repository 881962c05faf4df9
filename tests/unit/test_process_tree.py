"""What processes use, as /proc says it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.load.process_tree import cpu_seconds, parse_pss, parse_stat, pss_bytes, tree

_TICKS = os.sysconf("SC_CLK_TCK")
_ROLLUP = """\
55c95b46b000-7fff37ad1000 ---p 00000000 00:00 0                          [rollup]
Rss:                1732 kB
Pss:                 256 kB
Pss_Dirty:           112 kB
SwapPss:               0 kB
"""
_BURN = """
import subprocess, sys, time
while time.process_time() < 0.3:
    pass
if sys.argv[1] == "parent":
    subprocess.run([sys.executable, "-c", sys.argv[2], "child", ""])
    print("burnt", flush=True)
    sys.stdin.read()
"""


def test_a_name_may_hold_blanks_and_brackets() -> None:
    ticks = " ".join(["0"] * 9)
    stat = parse_stat(f"7 (a) S 1) b) S 42 {ticks} 100 20 3 4 0 0\n")
    assert (stat.parent, stat.cpu) == (42, 127 / _TICKS)


def test_shared_memory_counts_in_shares() -> None:
    assert parse_pss(_ROLLUP) == 256 * 1_024


def test_an_ended_process_has_no_memory() -> None:
    with pytest.raises(ValueError, match="no Pss"):
        parse_pss("")


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux counts so")
def test_a_tree_has_its_children_and_what_ended_ones_used() -> None:
    command = [sys.executable, "-c", _BURN, "parent", _BURN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"burnt\n"
        assert process.pid in tree(os.getpid())
        assert tree(process.pid) == {process.pid}
        assert cpu_seconds(process.pid) >= 0.55
        assert 1 << 20 < pss_bytes(process.pid) < pss_bytes(os.getpid())
        process.communicate()
    assert tree(process.pid) == set()
    assert cpu_seconds(process.pid) == 0
