"""`python -m infra.bundle`: the Lambda bundles, from hashed lock files and without a container."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from infra.bundle.build import build
from infra.bundle.errors import BundleError
from infra.bundle.recipe import RECIPES
from infra.bundle.report.write import report
from infra.bundle.target import Architecture, wanted
from infra.local.errors import LocalError


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    environment = {**os.environ}
    if options.arch:
        environment["ARCH"] = options.arch
    if options.python:
        environment["PYTHON_VERSION"] = options.python
    try:
        target = wanted(environment)
        match options.command:
            case "build":
                for name in options.bundle:
                    build(RECIPES[name], target, say=_say, copy_to=options.to)
            case "report":
                report(target, runs=options.runs, say=_say)
            case _:
                print(target.sam_parameters)
    except (BundleError, LocalError) as exc:
        print(f"bundle: {exc}", file=sys.stderr)
        return 1
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.bundle", description=__doc__)
    parser.add_argument("--arch", choices=list(Architecture), help="default: ARCH, or what suits the Python")
    parser.add_argument("--python", help="as 3.12; default: PYTHON_VERSION, or the Python that runs this")
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="build into .bundle/ what is not up to date there")
    builder.add_argument("bundle", nargs="+", choices=sorted(RECIPES))
    builder.add_argument("--to", type=Path, help="copy it to this folder, too")
    reporter = commands.add_parser("report", help="sizes, imports and cold starts, measured here")
    reporter.add_argument("--runs", type=int, default=5, help="medians of so many (default: 5)")
    commands.add_parser("target", help="print the template's parameters that fit the bundles")
    return parser


if __name__ == "__main__":
    sys.exit(main())
