"""Ingest: how many events a second, and what each costs, beside the guide as written and beside floors.

Real servers, with `fsync` and `synchronous_commit` on; every answer has to be a 202, and every event stored.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.load.ingest_rows import Pace, rows
from tests.load.ingest_stage import stage
from tests.load.ingest_table import tables
from tests.load.ingest_turns import count_turns
from tests.load.result import Result
from tests.load.rounds import in_turns

_USUAL = Pace(rounds=5, seconds=2.5, beside=1.3)
_QUICK = Pace(rounds=2, seconds=0.5, beside=0.3)


def run(arguments: list[str]) -> Result:
    """About four minutes."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench ingest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 rounds of half a second")
    pace = _QUICK if parser.parse_args(arguments).quick else _USUAL
    with tempfile.TemporaryDirectory(prefix="rootnote-bench-") as name, stage(Path(name)) as servers:
        measured = in_turns(rows(servers, pace), pace.rounds)
        turns = count_turns(servers, seconds=pace.beside / 2)
    return Result(title="Ingest", table=tables(measured, turns))
