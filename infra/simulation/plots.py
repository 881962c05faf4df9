"""A picture of a history: what waits, the tasks, and the waits."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from infra.simulation.scenario import HOUR, MINUTE
from infra.simulation.world import History

_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#0072b2", "#d55e00", "#009e73", "#b2182b", "#777777"
"""Told apart by those who are colour-blind, too."""
_FEW = 100
"""Points that are fewer are drawn larger."""


def plot(history: History, path: Path) -> None:
    """Write a PNG of three panels under one time axis. The same history gives the same file."""
    figure = Figure(figsize=(9, 6.4), dpi=100, layout="constrained")
    backlog, tasks, waits = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [1.1, 1, 1.2]})
    scenario = history.scenario
    figure.suptitle(f"{scenario.name}: {scenario.title}", fontsize=11)
    _backlog(backlog, history)
    _tasks(tasks, history)
    _waits(waits, history)
    waits.set_xlabel("hours")
    waits.set_xlim(0, scenario.seconds / HOUR)
    for panel in (backlog, tasks, waits):
        panel.grid(visible=True, color="#e5e5e5", linewidth=0.8)
        panel.set_ylim(bottom=0)
        for trouble in scenario.outages:
            panel.axvspan(trouble.start / HOUR, trouble.end / HOUR, color=_RED, alpha=0.08, linewidth=0)
        for start, end in scenario.silences:
            panel.axvspan(start / HOUR, end / HOUR, color=_GREY, alpha=0.15, linewidth=0)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in (backlog, tasks, waits):
        panel.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Software": None})


def _hours(history: History) -> list[float]:
    return [moment.at / HOUR for moment in history.moments]


def _backlog(panel: Axes, history: History) -> None:
    hours, moments = _hours(history), history.moments
    if any(moment.open != moment.backlog for moment in moments):
        later = [moment.open for moment in moments]
        panel.plot(hours, later, color=_ORANGE, linewidth=1, linestyle="--", label="with retries\nthat wait")
    panel.plot(
        hours, [moment.backlog for moment in moments], color=_BLUE, linewidth=1.3, label="due or running"
    )
    panel.set_ylabel("jobs")


def _tasks(panel: Axes, history: History) -> None:
    hours, scaling = _hours(history), history.scaling
    panel.axhline(scaling.max_tasks, color=_GREY, linewidth=1, linestyle=":", label="MaxTasks")
    desired = [moment.desired for moment in history.moments]
    running = [moment.running for moment in history.moments]
    panel.step(hours, desired, where="pre", color=_ORANGE, linewidth=1, linestyle="--", label="desired")
    panel.step(hours, running, where="pre", color=_GREEN, linewidth=1.5, label="running")
    panel.set_ylabel("tasks")
    panel.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    panel.set_ylim(0, scaling.max_tasks * 1.1)


def _waits(panel: Axes, history: History) -> None:
    acceptable = history.scaling.acceptable_wait
    panel.axhline(acceptable, color=_RED, linewidth=1, linestyle=":", label="acceptable")
    longest: dict[int, float] = defaultdict(float)
    for at, wait in history.waits:
        minute = int(at // MINUTE)
        longest[minute] = max(longest[minute], wait)
    minutes = range(int(history.scenario.seconds // MINUTE))
    panel.plot(
        [minute * MINUTE / HOUR for minute in minutes],
        # No line over minutes in which nothing began.
        [longest.get(minute, math.nan) for minute in minutes],
        color=_BLUE,
        linewidth=1.2,
        marker=".",
        markersize=5 if len(longest) < _FEW else 2,
        label="longest wait of\nattempts begun\nin that minute",
    )
    panel.set_ylabel("seconds")
    panel.set_ylim(0, max(acceptable * 1.15, max(longest.values(), default=0) * 1.08))
