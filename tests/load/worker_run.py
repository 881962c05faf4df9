"""Workers by turns, each on one core: jobs a second, CPU, memory, and model calls at one time.

PostgreSQL, Valkey, the model server and whatever else has to run are on the other cores.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.load.lean_model import LeanModel, running_lean_model
from tests.load.process_tree import cpu_seconds, pss_bytes
from tests.load.rounds import in_turns
from tests.load.workers import BASE, OURS, WIDE, Worker, running, workers

AT_ONCE, THINKING, SLOW = 0.0, 1.0, 4.0
"""Seconds that a model takes. A slow one is there to see how many calls gather, on however slow a core."""
FULL = f"{OURS}, with a slow model"
_SETTLE_SECONDS = 3.0
"""And the model's own time: dispatch finds out meanwhile how fast the worker is."""
_MOST_A_SECOND = {AT_ONCE: 250, THINKING: 100, SLOW: 25}
"""Jobs to store for each second that is measured. Should a worker be faster, its time is cut short."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`seconds` for each figure. `has_extras`: one round each of WIDE and FULL."""

    rounds: int
    seconds: float
    has_extras: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """`rate` in jobs a second. CPU in milliseconds a job. `calls`: most model calls at one time.

    `model_load`: the share of a core that the model server took.
    """

    rate: float
    cpu: float
    beside_cpu: float
    calls: int
    memory: int
    model_load: float


Turn = dict[float, Measured]
"""By the model's latency."""


def measure(plan: Plan) -> dict[str, list[Turn]]:
    """By worker, one for each round."""
    with (
        tempfile.TemporaryDirectory(prefix="rootnote-worker-") as name,
        _one_core() as core,
        running_lean_model() as model,
        workers(Path(name), model_url=model.openai_base_url) as subjects,
    ):
        turn = partial(_turn, model=model, plan=plan, core=core)
        found = in_turns(
            {name: partial(turn, subjects[name], (AT_ONCE, THINKING)) for name in (OURS, BASE)}, plan.rounds
        )
        extras = {
            WIDE: partial(turn, subjects[WIDE], (THINKING,)),
            FULL: partial(turn, subjects[OURS], (SLOW,)),
        }
        return found | in_turns(extras, 1) if plan.has_extras else found


@contextmanager
def _one_core() -> Iterator[set[int]]:
    """For the worker; meanwhile this process, and whatever else it starts, are on the others, if any."""
    all_cores = os.sched_getaffinity(0)
    first = min(all_cores)
    os.sched_setaffinity(0, all_cores - {first} or all_cores)
    try:
        yield {first}
    finally:
        os.sched_setaffinity(0, all_cores)


def _turn(
    worker: Worker, latencies: Sequence[float], *, model: LeanModel, plan: Plan, core: set[int]
) -> Turn:
    seconds = {latency: max(plan.seconds, latency) for latency in latencies}
    wanted = sum(
        _MOST_A_SECOND[latency] * (_SETTLE_SECONDS + latency + seconds[latency]) for latency in latencies
    )
    worker.store(max(0, round(wanted) - worker.left()))
    model.set_latency(AT_ONCE)
    found = {}
    with running(worker, core) as program:
        for latency in latencies:
            model.set_latency(latency)
            time.sleep(_SETTLE_SECONDS + latency)
            model.set_latency(latency)
            found[latency] = _measure(worker, program.pid, model, seconds[latency])
        model.set_latency(AT_ONCE)
    return found


def _measure(worker: Worker, pid: int, model: LeanModel, seconds: float) -> Measured:
    def used() -> tuple[float, float, float, int]:
        beside = sum(map(cpu_seconds, worker.beside()))
        return cpu_seconds(pid), beside, cpu_seconds(model.pid), worker.done()

    before, started = used(), time.perf_counter()
    while time.perf_counter() < started + seconds and worker.left():
        time.sleep(0.25)
    after, took = used(), time.perf_counter() - started
    cpu, beside, model_cpu, jobs = (new - old for new, old in zip(after, before, strict=True))
    if not jobs:
        raise RuntimeError("no job was done")
    found = Measured(
        rate=jobs / took,
        cpu=cpu / jobs * 1_000,
        beside_cpu=beside / jobs * 1_000,
        calls=model.counts().most,
        memory=pss_bytes(pid),
        model_load=model_cpu / took,
    )
    sys.stderr.write(f"  {found.rate:.1f} jobs/s, {found.cpu:.1f} ms each, {found.calls} calls at one time\n")
    return found
