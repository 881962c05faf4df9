"""What a history comes to, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from core.domain.job import JobState
from infra.simulation.scenario import HOUR
from infra.simulation.world import Change, History


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Waits in seconds, of all attempts that began. `turns_an_hour`: how often scaling went the other way."""

    jobs: int
    done: int
    dead: int
    lost: int
    longest_wait: float
    p99_wait: float
    most_tasks: int
    task_hours: float
    changes: int
    turns: int
    turns_an_hour: float


def figures_of(history: History) -> Figures:
    waits = sorted(wait for _, wait in history.waits)
    turns = direction_changes(history.changes)
    return Figures(
        jobs=history.arrived,
        done=history.ended.get(JobState.DONE, 0),
        dead=history.ended.get(JobState.DEAD, 0),
        lost=history.arrived - sum(history.ended.values()) - history.open,
        longest_wait=max(waits[-1] if waits else 0.0, history.moments[-1].oldest_wait),
        p99_wait=waits[int(len(waits) * 0.99)] if waits else 0.0,
        most_tasks=max(moment.desired for moment in history.moments),
        task_hours=history.task_seconds / HOUR,
        changes=len(history.changes),
        turns=turns,
        turns_an_hour=turns / (history.scenario.seconds / HOUR),
    )


def direction_changes(changes: tuple[Change, ...]) -> int:
    directions = [change.after > change.before for change in changes]
    return sum(one != other for one, other in pairwise(directions))


def seconds_to_drain(history: History, *, since: float, down_to: int) -> float | None:
    """From `since` until no more than `down_to` jobs are open; None: never."""
    for moment in history.moments:
        if moment.at >= since and moment.open <= down_to:
            return moment.at - since
    return None
