"""The soak's section of docs/reliability.md, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from tests.soak.load import CONNECTIONS, KNOWN_GROUPS, PROJECTS
from tests.soak.samples import Sample
from tests.soak.verdict import MOST_GROWTH, faults_in, settled, trend_of

BEGIN, END = "<!-- soak:begin -->", "<!-- soak:end -->"
_COLOURS = {"api": "#0072b2", "worker": "#d55e00", "maintenance": "#009e73", "beat": "#777777"}
"""Told apart by those who are colour-blind, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Soak:
    """`peak` and `rate` in events a second; `drained_in` in seconds, None where jobs were left."""

    peak: float
    rate: float
    new_groups: int
    analysed: int
    seconds: float
    samples: Sequence[Sample]
    drained_in: float | None

    @property
    def faults(self) -> list[str]:
        return faults_in(self.samples, wanted=self.rate * self.seconds, drained_in=self.drained_in)


def markdown(soak: Soak) -> str:
    rows = ["| program | MB after a third | MB at the end | MB a minute | % a minute | open files |"]
    rows.append("|---|---:|---:|---:|---:|---:|")
    for name in soak.samples[0].sizes:
        trend = trend_of(name, soak.samples)
        growth = f"{trend.a_minute:+.3f} | {trend.of_its_level * 100:+.2f}"
        files = f"{trend.files[0]}, {trend.files[1]}"
        rows.append(f"| {name} | {trend.first:.1f} | {trend.last:.1f} | {growth} | {files} |")
    verdict = f"**{'; '.join(soak.faults) or 'all is well'}**"
    parts = (
        _what_was_done(soak),
        "",
        *rows,
        "",
        _what_was_seen(soak),
        "",
        _CRITERION + verdict,
        "",
        _PICTURE,
    )
    return "\n".join(parts)


_CRITERION = (
    f"Flat is a trend below {MOST_GROWTH:.1%} of a program's memory a minute. Memory is what no file backs,"
    " with that of its children, shared pages counted once; the trend is the median of the slopes of all"
    " pairs of samples in the last two thirds. Verdict: "
)
_PICTURE = "![memory, answers and jobs over time](images/soak.png)"


def _what_was_done(soak: Soak) -> str:
    return (
        f"{soak.seconds / 60:g} minutes at {soak.rate:.0f} events a second: half of the {soak.peak:.0f} that"
        f" one API process took over {CONNECTIONS} connections as fast as it could, with the sender, all"
        f" other programs and whatever else ran on the same machine. {KNOWN_GROUPS} known groups in"
        f" {PROJECTS} projects, and {soak.new_groups} new ones for a model that takes 0.2 s and two worker"
        f" processes."
    )


def _what_was_seen(soak: Soak) -> str:
    samples, counted = soak.samples, settled(soak.samples)
    drained = "were left" if soak.drained_in is None else f"were worked {soak.drained_in:.0f} s after the end"
    p50, p99 = (
        median(times) * 1e3 for times in zip(*((each.p50, each.p99) for each in counted), strict=True)
    )
    return (
        f"Accepted {sum(each.accepted for each in samples)}, refused {sum(each.refused for each in samples)};"
        f" analyses stored {soak.analysed}. Answers: p50 {p50:.0f} ms, p99 {p99:.0f} ms (medians of 5 s)."
        f" Connections to PostgreSQL: at most {max(each.connections for each in samples)}."
        f" Open jobs: at most {max(each.open_jobs for each in samples)}; the oldest due one waited"
        f" {max(each.oldest_due for each in counted):.1f} s; all {drained}."
    )


def put(document: Path, text: str) -> None:
    """Replace what stands between the marks. Raises ValueError where there are none."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document} has no marks for the soak")
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def plot(soak: Soak, path: Path) -> None:
    figure = Figure(figsize=(9, 6.4), dpi=100, layout="constrained")
    memory, answers, jobs = figure.subplots(3, 1, sharex=True)
    minutes = [each.at / 60 for each in soak.samples]
    for name in soak.samples[0].sizes:
        sizes = [each.sizes[name].memory / 1e6 for each in soak.samples]
        memory.plot(minutes, sizes, color=_COLOURS.get(name), linewidth=1.3, label=name)
    memory.set_ylabel("MB")
    answers.plot(minutes, [each.p99 * 1e3 for each in soak.samples], color="#d55e00", label="p99")
    answers.plot(minutes, [each.p50 * 1e3 for each in soak.samples], color="#0072b2", label="p50")
    answers.set_ylabel("ms")
    jobs.plot(minutes, [each.open_jobs for each in soak.samples], color="#0072b2", label="open jobs")
    jobs.plot(minutes, [each.oldest_due for each in soak.samples], color="#d55e00", label="oldest due, s")
    jobs.set_xlabel("minutes")
    for panel in (memory, answers, jobs):
        panel.grid(visible=True, color="#e5e5e5", linewidth=0.8)
        panel.set_ylim(bottom=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Software": None})
