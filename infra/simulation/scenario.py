"""What happens to a deployment in a simulated time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MINUTE = 60.0
HOUR = 3_600.0


class Trouble(StrEnum):
    TIMES_OUT = "times out"
    """Calls end at their time limit."""
    REFUSES = "refuses"
    """Calls fail at once, as with status 503."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """Jobs a second: from `start` on it changes evenly to `rate` over `ramp` seconds, and stays."""

    start: float
    rate: float
    ramp: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Spike:
    """So many jobs at once."""

    at: float
    jobs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    start: float
    end: float
    trouble: Trouble


@dataclass(frozen=True, kw_only=True, slots=True)
class SpotLoss:
    """At `at`, this share of the tasks is told to stop; for `shortage` seconds no other can start."""

    at: float
    share: float
    shortage: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One simulated time. `parameters` are the template's; a load before the first is none.

    `providers`: how many models a job asks one after the other before it gives up. `offline`: whether
    the offline analyser answers then. `kills`: when one task dies without a word. `silences`: from and
    to when no backlog is measured.
    """

    name: str
    title: str
    seconds: float
    loads: tuple[Load, ...] = ()
    spikes: tuple[Spike, ...] = ()
    outages: tuple[Outage, ...] = ()
    spot_losses: tuple[SpotLoss, ...] = ()
    kills: tuple[float, ...] = ()
    silences: tuple[tuple[float, float], ...] = ()
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    providers: int = 1
    offline: bool = False
    first_tasks: int = 1

    def rate_at(self, now: float) -> float:
        """Jobs a second."""
        rate = 0.0
        for load in self.loads:
            if now < load.start:
                break
            share = min(1.0, (now - load.start) / load.ramp) if load.ramp else 1.0
            rate += (load.rate - rate) * share
        return rate

    def trouble_at(self, now: float) -> Trouble | None:
        return next((o.trouble for o in self.outages if o.start <= now < o.end), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What is assumed of AWS and of models, in seconds. Ranges are drawn from evenly.

    `start`: from the request for a task until it works. `ecs_delay` and `emf_delay`: from the end of a
    minute, or from the measurement, until alarms see the value. A model's seconds are log-normal.
    """

    start: tuple[float, float] = (60.0, 90.0)
    ecs_delay: tuple[float, float] = (30.0, 100.0)
    emf_delay: tuple[float, float] = (10.0, 40.0)
    model_median: float = 5.0
    model_sigma: float = 0.5
    refusal: float = 0.3
    overhead: float = 0.1
    """Of a job beside its model: claim, copies, commit."""
    leave: float = 3.0
    """An idle worker's, from SIGTERM to its end."""
    quiet: float = 10.0
    """Scale-in protection is kept for so long after the last job."""
    guarded: float = 900.0
    """A task that was protected for so long lets go of it for `pause`."""
    pause: float = 60.0
    recent: float = 900.0
    """Model calls of so long ago count for JobSeconds."""
    least_job_seconds: float = 1.0
    """JobSeconds when no model was asked of late."""
