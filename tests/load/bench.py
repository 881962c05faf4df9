"""`python -m tests.load.bench [PART] [--write] [--quick]`: how fast it is, beside what else there is.

Each part prints its tables, and charts that GitHub draws.
"""

from __future__ import annotations

import sys

from tests.conftest import ROOT
from tests.load import bugsink, cold_start, growth, ingest, reads, worker
from tests.load.command import Command, Part, choose, exit_code
from tests.load.machine import machine
from tests.page_sections import replace_section

PARTS: dict[str, Part] = {
    "ingest": ingest.run,
    "worker": worker.run,
    "cold_start": cold_start.run,
    "reads": reads.run,
    "growth": growth.run,
    "bugsink": bugsink.run,
}
"""In the page's order; each has the page's section of its name."""
PAGE = ROOT / "docs" / "performance.md"
_COMMAND = Command(
    program="python -m tests.load.bench",
    description=__doc__,
    parts=PARTS,
    page=PAGE,
    for_all={"--quick": "few and short rounds: to see that it works, not how fast"},
    writes_each=True,
)


def main(arguments: list[str], command: Command = _COMMAND) -> int:
    """1 where a promise was broken; to be slow is none. A part is written as soon as it has ended."""
    chosen = choose(command, arguments)
    if chosen is None:
        return 0
    results = []
    for name in chosen.names:
        result = command.parts[name](chosen.rest)
        text = f"## {result.title}\n\n{result.table}\n"
        sys.stdout.write(text)
        if chosen.is_to_write:
            replace_section(command.page, "machine", machine())
            replace_section(command.page, name, text)
        results.append(result)
    return exit_code(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
