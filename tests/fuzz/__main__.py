"""`make fuzz`: the gate's fuzzing for longer, with another seed each time.

A third of the time each: the API by its OpenAPI document, the properties of parsers, and the growth of what
reading a mebibyte costs. What is found is printed with what finds it again.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.api_process import running_api
from tests.conftest import ROOT, migrate
from tests.fuzz.schema import Caller, fuzz, make_callers
from tests.linear import growth
from tests.readers import READERS

_PROPERTIES = (
    "tests/unit/test_any_input.py",
    "tests/unit/test_any_message.py",
    "tests/unit/test_scrub_properties.py",
    "tests/unit/test_stacktrace_any.py",
    "tests/unit/log_lines/test_any.py",
    "tests/unit/test_gateway_events.py",
    "tests/unit/test_inflate.py",
)
_LARGEST = 1_048_576
_EXAMPLES = 100


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    seed = random.randrange(2**31) if arguments.seed is None else arguments.seed
    seconds = arguments.minutes * 60 / 3
    print(f"seed {seed}: make fuzz ARGS='--seed {seed} --minutes {arguments.minutes:g}'", flush=True)
    parts: dict[str, Callable[[int, float], bool]] = {
        "API": _api,
        "properties": _properties,
        "cost": _cost,
    }
    bad = [name for name, part in parts.items() if not part(seed, seconds)]
    print(f"bad: {', '.join(bad) or 'none'} (seed {seed})")
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, help="another each time, unless said")
    return parser


def _api(seed: int, seconds: float) -> bool:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        postgres = stack.enter_context(PostgresServer(folder / "postgres", durable=False))
        valkey = stack.enter_context(ValkeyServer(folder / "valkey"))
        database = postgres.create_database("fuzz")
        migrate(database)
        callers = make_callers(database)
        shares = _shares(callers, seconds)
        api = stack.enter_context(running_api(folder, database_url=database, redis_url=valkey.url))
        held = True
        for caller in callers:
            say(f"API as {caller.name}, {shares[caller.name]} s")
            done = fuzz(api, caller, folder, seed=seed, examples=_EXAMPLES, seconds=shares[caller.name])
            if done.returncode:
                held = False
                print(done.stdout, done.stderr)
        for line in api.problems_logged():
            held = False
            print(line)
        return held


def _shares(callers: Sequence[Caller], seconds: float) -> dict[str, int]:
    """Half for the one who may do everything."""
    rest = max(1, int(seconds / 2 / (len(callers) - 1)))
    return {caller.name: max(1, int(seconds / 2)) if caller.name == "admin" else rest for caller in callers}


def _properties(seed: int, seconds: float) -> bool:
    held = True
    for path in _PROPERTIES:
        say(f"properties of {path}")
        command = [
            "-m",
            "pytest",
            "-q",
            "--timeout=0",
            "--hypothesis-profile=long",
            f"--hypothesis-seed={seed}",
        ]
        try:
            done = subprocess.run(
                [sys.executable, *command, path], cwd=ROOT, timeout=seconds / len(_PROPERTIES), check=False
            )
        except subprocess.TimeoutExpired:
            say("its time is up; nothing found")
            continue
        held = held and done.returncode == 0
    return held


def _cost(_: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    held = True
    for reader in READERS:
        say(f"cost of {reader.name}")
        for shape in reader.shapes():
            if time.monotonic() > deadline:
                say("time is up")
                return held
            if found := growth(reader.run, shape, largest=_LARGEST):
                held = False
                print(f"{reader.name}: {shape}: {found}")
    return held


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
