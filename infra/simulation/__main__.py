"""`python -m infra.simulation`: what the workers' scaling does, and what a deployment can take."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from infra.simulation import template
from infra.simulation.capacity import command as capacity
from infra.simulation.figures import figures_of
from infra.simulation.scenario import Scenario
from infra.simulation.scenarios import SCENARIOS
from infra.simulation.table import HEADINGS, digest_of, markdown, put, row
from infra.simulation.world import run

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "scaling.md"
_SEED = 1
EPILOG = """\
The policy is read from infra/scaling.yaml, and the rules of jobs from core: a change of either is seen here.
`--set MaxTasks=20` asks what another parameter of the template would do.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit code: 2 for a wrong argument."""
    parser = _parser()
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = parser.parse_args(words or ["scenarios"])
    if arguments.command == "capacity":
        return capacity.run(events=arguments.events, document=DOCUMENT if arguments.write else None)
    try:
        return _simulate(arguments)
    except ValueError as exc:
        parser.error(str(exc))


def _simulate(arguments: argparse.Namespace) -> int:
    chosen = [s for s in SCENARIOS if not arguments.only or s.name in arguments.only]
    if unknown := set(arguments.only) - {s.name for s in SCENARIOS}:
        raise ValueError(f"no such scenario: {', '.join(sorted(unknown))}")
    if arguments.write and (arguments.only or arguments.set or arguments.seed != _SEED):
        raise ValueError("--write is for all scenarios with the template's own parameters")
    parameters = dict(_parameter(text) for text in arguments.set)
    read = template.read()
    scalings = [template.scaling_of(read, {**scenario.parameters, **parameters}) for scenario in chosen]
    rows, started = [], time.monotonic()
    for number, (scenario, scaling) in enumerate(zip(chosen, scalings, strict=True), start=1):
        history = run(scenario, scaling, seed=arguments.seed)
        figures = figures_of(history)
        rows.append(row(scenario, figures))
        if arguments.plots:
            # Only for those who plot: matplotlib takes a second to load.
            from infra.simulation.plots import plot  # noqa: PLC0415

            arguments.plots.mkdir(parents=True, exist_ok=True)
            plot(history, arguments.plots / f"scaling-{scenario.name}.png")
        _progress(number, len(chosen), scenario, time.monotonic() - started)
    text = markdown(HEADINGS, rows)
    print(f"\n{text}", end="")
    if arguments.write:
        put(DOCUMENT, "scenarios", text, digest_of(template.scaling_of(read)))
    return 0


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set wants NAME=VALUE, not {text}")
    return name, value


def _progress(number: int, of: int, scenario: Scenario, seconds: float) -> None:
    done = f"[{number}/{of}]"
    if sys.stderr.isatty():
        done = f"\x1b[32m{done}\x1b[0m"
    print(f"{done} {scenario.name}: {scenario.title} ({seconds:.0f} s)", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.simulation",
        description="Simulate the scaling of the workers, and reckon what a deployment can take.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="scenarios | capacity")
    scenarios = commands.add_parser("scenarios", help="run the scenarios; half a minute")
    scenarios.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these scenarios")
    scenarios.add_argument("--seed", type=int, default=_SEED, help="the same seed gives the same figures")
    scenarios.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="parameters of infra/scaling.yaml"
    )
    scenarios.add_argument("--plots", type=Path, metavar="FOLDER", help="write a PNG for each scenario")
    limits = commands.add_parser("capacity", help="measure here, and reckon up to 100 million events a day")
    limits.add_argument("--events", type=int, default=20_000, help="to store for the measurement")
    for command in (scenarios, limits):
        command.add_argument("--write", action="store_true", help="write the tables into docs/scaling.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
