"""The tables and charts of ingest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from infra.simulation.table import markdown
from tests.load.chart import bars
from tests.load.rounds import Spread, number, ratios, spread

SINGLES = "Single events"
ALONE = "Single events, one connection"
BATCHES = "Batches of 100"
OURS = "Rootnote"
GUIDE = "the guide as written"
PUSHES = "Valkey, one LPUSH"
TARGETS = {SINGLES: 15.0, BATCHES: 30.0}
"""Times the guide's rate."""

_INTRODUCTION = """\
One uvicorn process on each side, started as its users start it. An event has 1.55 kB, the status 500, and a
message, path, time and id of its own; 100 errors of four projects, in Python, Node and Java, come again and
again. *Every error new*: no two stacks are alike, so each event makes a group and a job. *Every error
analysed before*: each event is given a copy of its group's analysis. Single events come over 32
connections, batches over 8, each with one request under way; with more connections than threads, the
guide's code waits for itself. Of batches the guide says nothing: a loop over what it does for one event,
with one session; and the same with one commit. LPUSH is sent by our own sender, which is its limit.
"""
_HEADINGS = (
    "",
    "events/s",
    "times the guide",
    "times less CPU",
    "p50 ms",
    "p99 ms",
    "CPU µs an event: server",
    "PostgreSQL",
    "Valkey",
)
_SEPARATOR = ": "
_NOTHING = "-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One round. Milliseconds of a request; microseconds of CPU an event. None: there is no such thing."""

    events_a_second: float
    p50: float | None = None
    p99: float | None = None
    server: float | None = None
    postgres: float | None = None
    valkey: float | None = None

    @property
    def cpu(self) -> float:
        """Of all servers together."""
        return sum(value for value in (self.server, self.postgres, self.valkey) if value is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turns:
    """Round trips an event."""

    postgres: float
    valkey: float


Rounds = Sequence[Measured]
_COLUMNS: tuple[Callable[[Measured], float | None], ...] = tuple(
    attrgetter(name) for name in ("p50", "p99", "server", "postgres", "valkey")
)


def row_name(table: str, name: str) -> str:
    return f"{table}{_SEPARATOR}{name}"


def tables(measured: Mapping[str, Rounds], turns: Mapping[str, Turns]) -> str:
    """Markdown of all tables; those that have a target with a sentence on it and a chart of the ratios."""
    by_table: dict[str, dict[str, Rounds]] = {}
    for name, found in measured.items():
        table, _, row = name.partition(_SEPARATOR)
        by_table.setdefault(table, {})[row] = found
    parts = [_table(table, named) for table, named in by_table.items()]
    return "\n".join([_INTRODUCTION, *parts, _turns_table(turns)])


def _table(table: str, named: Mapping[str, Rounds]) -> str:
    guide = named[GUIDE]
    to_guide = {name: ratios(_rates(found), to=_rates(guide)) for name, found in named.items()}
    less_cpu = {name: ratios(_cpu(guide), to=_cpu(found)) for name, found in named.items()}
    lines = []
    for name, found in named.items():
        cells = (_cell(found, column) for column in _COLUMNS)
        lines.append((name, str(spread(_rates(found))), str(to_guide[name]), str(less_cpu[name]), *cells))
    text = f"### {table}\n\n{markdown(_HEADINGS, lines)}"
    if table in TARGETS:
        verdict = _verdict(to_guide[OURS], less_cpu[OURS], TARGETS[table])
        text += f"\n{verdict}\n\n{_chart(table, to_guide)}"
    return text


def _rates(found: Rounds) -> list[float]:
    return [each.events_a_second for each in found]


def _cpu(found: Rounds) -> list[float]:
    return [each.cpu for each in found]


def _cell(found: Rounds, column: Callable[[Measured], float | None]) -> str:
    values = [value for each in found if (value := column(each)) is not None]
    return str(spread(values)) if values else _NOTHING


def _verdict(ratio: Spread, less_cpu: Spread, target: float) -> str:
    met = "met" if ratio.median >= target else "not met"
    return (
        f"Target: {target:g} times the guide's rate. In this run {number(ratio.median)} times, with"
        f" {number(less_cpu.median)} times less CPU: {met}."
    )


def _chart(table: str, to_guide: Mapping[str, Spread]) -> str:
    title = f"{table}: rate as a multiple of the guide's"
    # Next to a bare LPUSH, nothing else could be seen.
    return bars(title, "times", {name: one.median for name, one in to_guide.items() if name != PUSHES})


def _turns_table(turns: Mapping[str, Turns]) -> str:
    lines = [(name, f"{found.postgres:.2f}", f"{found.valkey:.2f}") for name, found in turns.items()]
    return (
        "### Round trips\n\n"
        "How often one waits for an answer, for each event; counted on the wire, by a proxy.\n\n"
        f"{markdown(('', 'PostgreSQL', 'Redis'), lines)}"
    )
