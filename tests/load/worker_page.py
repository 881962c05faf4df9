"""What the benchmark of the worker says on its page."""

from __future__ import annotations

from collections.abc import Iterator

from infra.simulation.table import markdown
from tests.load.chart import bars
from tests.load.rounds import number, ratios, spread
from tests.load.worker_run import AT_ONCE, FULL, SLOW, THINKING, Measured, Plan, Turn
from tests.load.workers import BASE, OURS

MOST_MEMORY = 2 << 30
LEAST_CALLS = 50
LEAST_RATE = 0.6


def text(found: dict[str, list[Turn]], plan: Plan) -> str:
    sweeping = spread([turn[AT_ONCE].beside_cpu for turn in found[OURS]])
    load = max(one.model_load for turns in found.values() for turn in turns for one in turn.values())
    return (
        "One worker with a core of its own, over a backlog that does not run dry. Rounds:"
        f" {plan.rounds}, of {plan.seconds:g} s for each figure. The API stored the jobs, each of a group of"
        " its own, of four projects, and the sweeper sends them in fair shares. The sweeper"
        f" ({number(sweeping.median)} ms of CPU a job at 0 s), PostgreSQL, Valkey and the model server, which"
        f" takes at most {load:.0%} of a core and so limits nobody, are on the other core. A plain task reads"
        " the event in a session, asks by the same SDK and saves; it has no groups, leases, ledger, budgets"
        " or checks of the answer. Memory is PSS of all of a worker's processes.\n\n"
        f"A model that answers at once:\n\n{_table(found, AT_ONCE)}\n"
        f"A model that takes a second:\n\n{_table(found, THINKING)}\n{_verdict(found)}\n\n{_chart(found)}"
    )


def _table(found: dict[str, list[Turn]], latency: float) -> str:
    headings = (
        "", "jobs/s", "times plain's", "CPU ms a job", "times plain's", "calls at one time", "memory, MiB",
    )  # fmt: skip
    by_name = {
        name: [turn[latency] for turn in turns] for name, turns in found.items() if latency in turns[0]
    }
    return markdown(headings, [_row(name, rounds, by_name[BASE]) for name, rounds in by_name.items()])


def _row(name: str, rounds: list[Measured], base: list[Measured]) -> tuple[str, ...]:
    base = base[: len(rounds)]
    rates, cpu = [one.rate for one in rounds], [one.cpu for one in rounds]
    return (
        name,
        str(spread(rates)),
        str(ratios(rates, [one.rate for one in base])),
        str(spread(cpu)),
        str(ratios(cpu, [one.cpu for one in base])),
        str(max(one.calls for one in rounds)),
        str(spread([one.memory / 2**20 for one in rounds])),
    )


def _verdict(found: dict[str, list[Turn]]) -> str:
    at_once = [[turn[AT_ONCE] for turn in found[name]] for name in (OURS, BASE)]
    rate = ratios(*([one.rate for one in turns] for turns in at_once))
    cpu = ratios(*([one.cpu for one in turns] for turns in at_once))
    said = (
        f"With a model that answers at once Rootnote has {rate} of plain Celery's rate (asked for:"
        f" {LEAST_RATE:g}), for {cpu} of its CPU a job."
    )
    for full in _full(found):
        said += (
            f" With one that takes {SLOW:g} s, so that a slow core has time to begin them all, it keeps"
            f" {full.calls} calls under way in {_mib(full.memory)} (asked for: at least {LEAST_CALLS}, in at"
            f" most {_mib(MOST_MEMORY)})."
        )
    return said


def faults(found: dict[str, list[Turn]]) -> Iterator[str]:
    for full in _full(found):
        if full.calls < LEAST_CALLS:
            yield f"one worker kept {full.calls} model calls under way, and not {LEAST_CALLS}"
        if full.memory > MOST_MEMORY:
            yield f"a worker with {full.calls} model calls under way had {_mib(full.memory)}"


def _full(found: dict[str, list[Turn]]) -> list[Measured]:
    return [turn[SLOW] for turn in found.get(FULL, [])]


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _chart(found: dict[str, list[Turn]]) -> str:
    rates = {
        name.replace("`", ""): spread([turn[THINKING].rate for turn in turns]).median
        for name, turns in found.items()
        if THINKING in turns[0]
    }
    return bars("One worker, one core, a model that takes 1 s", "jobs a second", rates)
