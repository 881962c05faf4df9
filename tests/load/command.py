"""What the commands of this folder share: parts that are run one after the other, each with a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.load.result import Result

Part = Callable[[list[str]], Result]
"""Takes the arguments that are left over, and answers `--help` by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """`for_all`: flags that every part takes, with their help. `writes_each`: a part may be written alone."""

    program: str
    description: str
    parts: Mapping[str, Part]
    page: Path
    for_all: Mapping[str, str]
    writes_each: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """`rest`: what every chosen part is given."""

    names: Collection[str]
    rest: list[str]
    is_to_write: bool


def choose(command: Command, arguments: list[str]) -> Chosen | None:
    """None: help was asked for and printed. Exits with 2 for arguments that make no sense."""
    parser = argparse.ArgumentParser(
        prog=command.program,
        description=command.description,
        epilog="`PART --help` has the part's own options.",
        add_help=False,
    )
    parser.add_argument("part", nargs="?", choices=sorted(command.parts), help="left out: all of them")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {command.page.name}")
    parser.set_defaults(flags=[])
    for flag, explained in command.for_all.items():
        parser.add_argument(flag, action="append_const", const=flag, dest="flags", help=explained)
    chosen, rest = parser.parse_known_args(arguments)
    if not chosen.part and {"-h", "--help"} & {*rest}:
        parser.print_help()
        return None
    if chosen.write and chosen.part and not command.writes_each:
        parser.error("--write is for all parts at once")
    if rest and not chosen.part:
        parser.error(f"which part is {' '.join(rest)} for?")
    return Chosen(
        names=[chosen.part] if chosen.part else command.parts,
        rest=chosen.flags + rest,
        is_to_write=chosen.write,
    )


def exit_code(results: Collection[Result]) -> int:
    """1 where a promise was broken; which one is said on stderr."""
    faults = [fault for result in results for fault in result.faults]
    sys.stderr.write("".join(f"broken: {fault}\n" for fault in faults))
    return 1 if faults else 0
