"""What the benchmark of the worker says on its page."""

from __future__ import annotations

from collections.abc import Iterator

from infra.simulation.table import markdown
from tests.load.chart import bars
from tests.load.rounds import number, ratios, spread
from tests.load.worker_run import AT_ONCE, THINKING, Plan, Turn

TITLES = {
    "ours": "Rootnote, `--concurrency=2`",
    "plain 2": "plain Celery, `--concurrency=2`",
    "plain 8": "plain Celery, `--concurrency=8`",
}
MOST_MEMORY = 2 << 30
LEAST_CALLS = 50


def text(found: dict[str, list[Turn]], plan: Plan) -> str:
    ours = found["ours"]
    sweeping = spread([turn[AT_ONCE].beside_cpu for turn in ours])
    load = max(one.model_load for turns in found.values() for turn in turns for one in turn.values())
    return (
        "Jobs a second of one worker with a core of its own, over a backlog that does not run dry. Rounds:"
        f" {plan.rounds}, of {plan.seconds:g} s for each figure. The API stored the jobs, each of a group of"
        " its own, of four projects, and the sweeper sends them in fair shares. The sweeper"
        f" ({number(sweeping.median)} ms of CPU a job at 0 s), PostgreSQL, Valkey and the model server, which"
        f" takes at most {load:.0%} of a core and so limits nobody, are on the other core. A plain task reads"
        " the event in a session, asks by the same SDK and saves; it has no groups, leases, ledger, budgets or"
        " checks of the answer. Memory is PSS of all of a worker's processes.\n\n"
        f"{_table(found)}\n{_verdict(ours)}\n\n{_chart(found)}"
    )


def _table(found: dict[str, list[Turn]]) -> str:
    headings = (
        "", "jobs/s, model 0 s", "ratio", "CPU ms a job", "jobs/s, model 1 s", "ratio", "CPU ms a job",
        "calls at one time", "memory, MiB",
    )  # fmt: skip
    rows = []
    for name, turns in found.items():
        at_once = _columns(turns, found["plain 2"], AT_ONCE) if AT_ONCE in turns[0] else ("", "", "")
        thinking = [turn[THINKING] for turn in turns]
        rows.append(
            (
                TITLES[name],
                *at_once,
                *_columns(turns, found["plain 2"], THINKING),
                str(max(one.calls for one in thinking)),
                str(spread([one.memory / 2**20 for one in thinking])),
            )
        )
    return markdown(headings, rows)


def _columns(turns: list[Turn], base: list[Turn], latency: float) -> tuple[str, str, str]:
    rates, cpu = [turn[latency].rate for turn in turns], [turn[latency].cpu for turn in turns]
    ratio = ratios(rates, [turn[latency].rate for turn in base[: len(turns)]])
    return str(spread(rates)), str(ratio), str(spread(cpu))


def _verdict(ours: list[Turn]) -> str:
    calls, memory = _reached(ours)
    return (
        f"At 1 s Rootnote keeps {calls} calls under way in {memory / 2**20:,.0f} MiB (asked for: at least"
        f" {LEAST_CALLS}, in at most {MOST_MEMORY / 2**20:,.0f} MiB)."
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
