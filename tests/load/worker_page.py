"""What the benchmark of the worker says on its page."""

from __future__ import annotations

from collections.abc import Iterator

from infra.simulation.table import markdown
from tests.load.chart import bars
from tests.load.rounds import number, ratios, spread
from tests.load.worker_run import AT_ONCE, BASE, THINKING, Measured, Plan, Turn

TITLES = {
    "ours": "Rootnote, `--concurrency=2`",
    "plain 2": "plain Celery, `--concurrency=2`",
    "plain 8": "plain Celery, `--concurrency=8`",
}
MOST_MEMORY = 2 << 30
LEAST_CALLS = 50
LEAST_RATE = 0.6


def text(found: dict[str, list[Turn]], plan: Plan) -> str:
    ours = found["ours"]
    sweeping = spread([turn[AT_ONCE].beside_cpu for turn in ours])
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
        TITLES[name],
        str(spread(rates)),
        str(ratios(rates, [one.rate for one in base])),
        str(spread(cpu)),
        str(ratios(cpu, [one.cpu for one in base])),
        str(max(one.calls for one in rounds)),
        str(spread([one.memory / 2**20 for one in rounds])),
    )


def _verdict(found: dict[str, list[Turn]]) -> str:
    calls, memory = _reached(found["ours"])
    rate = ratios(*([turn[AT_ONCE].rate for turn in found[name]] for name in ("ours", BASE)))
    return (
        f"With a model that takes a second Rootnote keeps {calls} calls under way in"
        f" {memory / 2**20:,.0f} MiB (asked for: at least {LEAST_CALLS}, in at most"
        f" {MOST_MEMORY / 2**20:,.0f} MiB); with one that answers at once it has {rate} of plain Celery's"
        f" rate (asked for: {LEAST_RATE:g})."
    )


def faults(found: dict[str, list[Turn]]) -> Iterator[str]:
    calls, memory = _reached(found["ours"])
    if calls < LEAST_CALLS:
        yield f"one worker kept {calls} model calls under way, and not {LEAST_CALLS}"
    if memory > MOST_MEMORY:
        yield f"a worker with {calls} model calls under way had {memory / 2**20:,.0f} MiB"


def _reached(ours: list[Turn]) -> tuple[int, int]:
    """The most calls at one time, and the most memory then."""
    thinking = [turn[THINKING] for turn in ours]
    return max(one.calls for one in thinking), max(one.memory for one in thinking)


def _chart(found: dict[str, list[Turn]]) -> str:
    rates = {
        TITLES[name].replace("`", ""): spread([turn[THINKING].rate for turn in turns]).median
        for name, turns in found.items()
    }
    return bars("One worker, one core, a model that takes 1 s", "jobs a second", rates)
