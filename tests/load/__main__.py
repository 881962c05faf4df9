"""`python -m tests.load [PART] [--write]`: the load tests, one after the other. Each prints its table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from tests.conftest import ROOT
from tests.load import fair, flood, million
from tests.load.result import Result
from tests.reliability_page import replace_section

PARTS: dict[str, Callable[[list[str]], Result]] = {
    "flood": flood.run,
    "fair": fair.run,
    "million": million.run,
}
"""Each takes the arguments that are left over, and answers `--help` by itself."""
_PAGE = ROOT / "docs" / "reliability.md"


def main(arguments: list[str]) -> int:
    """1 where a promise was broken. `--write` puts the tables of all parts into docs/reliability.md."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.load",
        description=__doc__,
        epilog="`PART --help` has the part's own options.",
        add_help=False,
    )
    parser.add_argument("part", nargs="?", choices=sorted(PARTS), help="left out: all of them")
    parser.add_argument("--write", action="store_true", help="put all parts into docs/reliability.md")
    chosen, rest = parser.parse_known_args(arguments)
    if not chosen.part and {"-h", "--help"} & {*rest}:
        parser.print_help()
        return 0
    if chosen.write and chosen.part:
        parser.error("--write is for all parts at once")
    if rest and not chosen.part:
        parser.error(f"which part is {' '.join(rest)} for?")
    results = [PARTS[name](rest) for name in ([chosen.part] if chosen.part else PARTS)]
    text = "\n".join(f"### {result.title}\n\n{result.table}" for result in results)
    sys.stdout.write(text)
    if chosen.write:
        replace_section(_PAGE, "load", text)
    faults = [fault for result in results for fault in result.faults]
    sys.stderr.write("".join(f"broken: {fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
