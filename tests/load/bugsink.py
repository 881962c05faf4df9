"""Bugsink, from its own package, taking the same errors as envelopes, by turns with Rootnote."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from infra.simulation.table import markdown
from tests.load.bugsink_programs import version, why_not_installed
from tests.load.bugsink_turns import CONNECTIONS, PEER, ROOTNOTE, Found, Measured, Plan, measure
from tests.load.chart import bars
from tests.load.made_events import PROJECTS
from tests.load.result import Result
from tests.load.rounds import number, ratios, spread

_TITLE = "Beside Bugsink"
_USUAL = Plan(rounds=5, warm_up=1, sending=4, digesting=3)
_QUICK = Plan(rounds=1, warm_up=0.5, sending=2, digesting=2)


def run(arguments: list[str]) -> Result:
    """About two minutes. Without the package there is nothing to measure, which is no fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench bugsink", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"one round of {_QUICK.sending:g} s")
    plan = _QUICK if parser.parse_args(arguments).quick else _USUAL
    if reason := why_not_installed():
        return Result(title=_TITLE, table=f"Not measured, since Bugsink could not be installed: {reason}\n")
    with tempfile.TemporaryDirectory(prefix="rootnote-bugsink-") as name:
        found = measure(Path(name), plan)
    return Result(title=_TITLE, table=_text(found, plan))


def _text(found: Found, plan: Plan) -> str:
    peer = found.rounds[PEER]
    alone = spread([one.digested_alone for one in peer])
    share = sum(one.digested for one in peer) / sum(one.accepted for one in peer)
    sizes = found.bytes_each
    return (
        f"Bugsink {version()} from its own package, by its template for one server (SQLite, four digesting"
        " workers) and the gunicorn settings of its container image, with quotas raised; Rootnote with one"
        f" API process, a key and quotas. The same 100 errors of {PROJECTS} projects come again and again,"
        f" over {CONNECTIONS} connections, {plan.rounds} times for {plan.sending:g} s. Bugsink takes"
        f" them as envelopes by the Sentry protocol ({sizes[PEER]:,} bytes; a real SDK's are larger),"
        f" Rootnote, which has no such route yet, as its own JSON ({sizes[ROOTNOTE]:,} bytes).\n\n"
        "Bugsink accepts an event by writing it to a file, unsynced, and digests it into its tables later:"
        f" {min(share, 1):.0%} of the events as fast as they came, while the others waited. With nothing else"
        f" coming in it digested {alone} a second, into {found.groups} issues in all. Rootnote answers when"
        " event, group and job are committed and synced, so with it *digested* is *accepted*. CPU is that of"
        " all processes, databases included. Bugsink does what Rootnote does not (source maps, alerts, a"
        f" whole user interface), and the other way round.\n\n{_table(found)}\n{_chart(found)}"
    )


def _table(found: Found) -> str:
    headings = (
        "", "accepted/s", "times Bugsink", "digested/s", "times Bugsink", "p50 ms", "p99 ms",
        "CPU ms to accept", "to accept and digest",
    )  # fmt: skip
    return markdown(headings, [_row(name, found) for name in (ROOTNOTE, PEER)])


def _row(name: str, found: Found) -> tuple[str, ...]:
    rounds, peer = found.rounds[name], found.rounds[PEER]

    def of(rounds: list[Measured], field: str) -> list[float]:
        return [float(getattr(one, field)) for one in rounds]

    return (
        name,
        str(spread(of(rounds, "accepted"))),
        str(ratios(of(rounds, "accepted"), of(peer, "accepted"))),
        str(spread(of(rounds, "digested"))),
        str(ratios(of(rounds, "digested"), of(peer, "digested"))),
        *(number(spread(of(rounds, field)).median) for field in ("p50", "p99")),
        *(str(spread(of(rounds, field))) for field in ("accepting_cpu", "cpu")),
    )


def _chart(found: Found) -> str:
    rates = {
        f"{name}, {what}": spread([float(getattr(one, what)) for one in found.rounds[name]]).median
        for what in ("accepted", "digested")
        for name in (ROOTNOTE, PEER)
    }
    return bars("Single events", "events a second", rates)
