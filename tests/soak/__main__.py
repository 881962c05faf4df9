"""`python -m tests.soak`: does anything grow under a load that never stops?"""

from __future__ import annotations

import argparse
import sys

from tests.conftest import ROOT
from tests.soak.report import markdown, plot, put
from tests.soak.run import soak


def main() -> int:
    """0 where all is well, 1 with what is not."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="after half a minute of finding the peak")
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md, with a picture")
    words = parser.parse_args()
    result = soak(seconds=words.minutes * 60, say=_say)
    text = markdown(result)
    _say(text)
    if words.write:
        plot(result, ROOT / "docs" / "images" / "soak.png")
        put(ROOT / "docs" / "reliability.md", text)
    for fault in result.faults:
        sys.stderr.write(f"soak: {fault}\n")
    return 1 if result.faults else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
