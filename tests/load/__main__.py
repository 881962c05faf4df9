"""`python -m tests.load [PART] [--write]`: the load tests, one after the other. Each prints its table."""

from __future__ import annotations

import sys

from tests.conftest import ROOT
from tests.load import fair, flood, million
from tests.load.command import Command, Part, choose, exit_code
from tests.page_sections import replace_section

PARTS: dict[str, Part] = {
    "flood": flood.run,
    "fair": fair.run,
    "million": million.run,
}
_COMMAND = Command(
    program="python -m tests.load",
    description=__doc__,
    parts=PARTS,
    page=ROOT / "docs" / "reliability.md",
    for_all={},
    writes_each=False,
)


def main(arguments: list[str]) -> int:
    """1 where a promise was broken. `--write` puts the tables of all parts into docs/reliability.md."""
    chosen = choose(_COMMAND, arguments)
    if chosen is None:
        return 0
    results = [PARTS[name](chosen.rest) for name in chosen.names]
    text = "\n".join(f"### {result.title}\n\n{result.table}" for result in results)
    sys.stdout.write(text)
    if chosen.is_to_write:
        replace_section(_COMMAND.page, "load", text)
    return exit_code(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
