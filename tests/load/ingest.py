"""Ingest: how many events a second, and what each costs, beside the guide as written and beside floors."""

from __future__ import annotations

import argparse

from tests.load.result import Result


def run(arguments: list[str]) -> Result:
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench ingest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 rounds of a second")
    parser.parse_args(arguments)
    return Result(title="Ingest", table="")
