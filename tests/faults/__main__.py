"""`python -m tests.faults`: break things, count what is lost, print a table; 1 if a promise is broken."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

import click

from tests.conftest import ROOT
from tests.faults import table
from tests.faults.fault import Fault
from tests.faults.registry import FAULTS
from tests.faults.run import run
from tests.faults.scene import running_scene
from tests.faults.verdict import Verdict
from tests.page_sections import replace_section, section

_NAMES = [fault.name for fault in FAULTS]
_SEED = 1


@click.command()
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="One fault; may be repeated.")
@click.option("--list", "is_list", is_flag=True, help="Say what there is, and end.")
@click.option("--seed", default=_SEED, show_default=True, help="What the load sends follows from it.")
@click.option("--scenes", default=2, show_default=True, type=click.IntRange(1, 8), help="Run side by side.")
@click.option(
    "--write",
    type=click.Path(path_type=Path),
    help="Put the table, or with --only its lines, into this page.",
)
def main(only: Sequence[str], is_list: bool, seed: int, scenes: int, write: Path | None) -> None:
    """Break a running Rootnote in every way that has a name here.

    Each fault strikes in the middle of a steady load. What was accepted must be there afterwards, once.
    """
    if is_list:
        for fault in FAULTS:
            click.echo(f"{fault.name}: {fault.does}")
        return
    chosen = [fault for fault in FAULTS if not only or fault.name in only]
    began = time.monotonic()
    verdicts = _run_all(chosen, scenes=min(scenes, len(chosen)), seed=seed)
    click.echo(table.plain(verdicts))
    click.echo(f"{len(verdicts)} faults in {time.monotonic() - began:.0f} s")
    if write:
        _write(ROOT / write, verdicts, is_all=not only)
    sys.exit(0 if all(verdict.is_kept for verdict in verdicts) else 1)


def _write(page: Path, verdicts: Sequence[Verdict], *, is_all: bool) -> None:
    try:
        text = table.markdown(verdicts) if is_all else table.updated(section(page, "faults"), verdicts)
        replace_section(page, "faults", text)
    except ValueError as exc:
        raise click.ClickException(str(exc)) from exc


def _run_all(faults: Sequence[Fault], *, scenes: int, seed: int) -> list[Verdict]:
    """In `scenes` threads, each with a scene of its own; verdicts in the faults' order."""
    waiting: SimpleQueue[Fault] = SimpleQueue()
    for fault in faults:
        waiting.put(fault)
    found: dict[str, Verdict] = {}

    def work() -> None:
        with running_scene() as scene:
            while True:
                try:
                    fault = waiting.get_nowait()
                except Empty:
                    return
                say = _saying(fault.name)
                say("begins")
                verdict = run(fault, scene, seed=seed, say=say)
                say("kept" if verdict.is_kept else f"BROKEN: {'; '.join(verdict.broken)}")
                if not verdict.is_kept:
                    sys.stderr.write(f"{scene.stack.logs()}\n")
                found[fault.name] = verdict

    with ThreadPoolExecutor(scenes, thread_name_prefix="scene") as pool:
        for done in [pool.submit(work) for _ in range(scenes)]:
            done.result()
    return [found[fault.name] for fault in faults]


def _saying(name: str) -> Callable[[str], None]:
    began = time.monotonic()

    def say(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {name}: {what}\n")

    return say


if __name__ == "__main__":
    main()
