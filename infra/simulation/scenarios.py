"""The scenarios of `make simulate`, in the order of docs/scaling.md."""

from __future__ import annotations

from infra.simulation.scenario import HOUR, MINUTE, Load, Outage, Scenario, Spike, SpotLoss, Trouble

USUAL = 0.15
"""New groups a second that keep one task less than half busy."""
BUSY = 0.8
"""As many as three tasks work."""

_FROM, _TO = HOUR, 1.5 * HOUR
_AT_ZERO = {"MinTasks": 0}


def _outage(trouble: Trouble) -> tuple[Outage, ...]:
    return (Outage(start=_FROM, end=_TO, trouble=trouble),)


def _days(count: int) -> tuple[Load, ...]:
    """Busiest at the end of each tenth hour, quiet at night."""
    half = 12 * HOUR
    return tuple(
        Load(start=number * half, rate=0.03 if number % 2 else 1.5, ramp=10 * HOUR)
        for number in range(2 * count)
    )


SCENARIOS = (
    Scenario(name="usual", title="the usual load", seconds=4 * HOUR, loads=(Load(start=0, rate=USUAL),)),
    Scenario(
        name="burst",
        title="ten times the usual load for half an hour",
        seconds=4 * HOUR,
        loads=(
            Load(start=0, rate=USUAL),
            Load(start=_FROM, rate=10 * USUAL),
            Load(start=_TO, rate=USUAL),
        ),
    ),
    Scenario(
        name="spike",
        title="300 new groups at once, half an hour's load",
        seconds=3 * HOUR,
        loads=(Load(start=0, rate=USUAL),),
        spikes=(Spike(at=HOUR, jobs=300),),
    ),
    Scenario(
        name="ramp",
        title="slowly up to ten times the usual load, and down again",
        seconds=8 * HOUR,
        loads=(
            Load(start=0, rate=USUAL / 3),
            Load(start=HOUR, rate=10 * USUAL, ramp=3 * HOUR),
            Load(start=4.5 * HOUR, rate=USUAL / 3, ramp=2 * HOUR),
        ),
    ),
    Scenario(name="days", title="two days and nights", seconds=48 * HOUR, loads=_days(2)),
    Scenario(
        name="night-at-zero",
        title="no tasks at night (MinTasks 0), and one job at three",
        seconds=16 * HOUR,
        loads=(Load(start=0, rate=0), Load(start=8 * HOUR, rate=0.5), Load(start=13 * HOUR, rate=0)),
        spikes=(Spike(at=3 * HOUR, jobs=1),),
        parameters=_AT_ZERO,
    ),
    Scenario(
        name="trickle-at-zero",
        title="a job every ten minutes with MinTasks 0",
        seconds=6 * HOUR,
        loads=(Load(start=0, rate=1 / (10 * MINUTE)),),
        parameters=_AT_ZERO,
    ),
    Scenario(
        name="provider-times-out",
        title="the only provider times out for half an hour, no offline analyser",
        seconds=4 * HOUR,
        loads=(Load(start=0, rate=USUAL),),
        outages=_outage(Trouble.TIMES_OUT),
    ),
    Scenario(
        name="both-time-out",
        title="two providers time out for half an hour, no offline analyser",
        seconds=4 * HOUR,
        loads=(Load(start=0, rate=USUAL),),
        outages=_outage(Trouble.TIMES_OUT),
        providers=2,
    ),
    Scenario(
        name="provider-times-out-busy",
        title="the only provider times out while four tasks are at work",
        seconds=5 * HOUR,
        loads=(Load(start=0, rate=BUSY),),
        outages=_outage(Trouble.TIMES_OUT),
        first_tasks=4,
    ),
    Scenario(
        name="provider-refuses",
        title="the only provider answers 503 for half an hour, no offline analyser",
        seconds=4 * HOUR,
        loads=(Load(start=0, rate=USUAL),),
        outages=_outage(Trouble.REFUSES),
    ),
    Scenario(
        name="offline-answers",
        title="the only provider times out, and the offline analyser answers (the default)",
        seconds=4 * HOUR,
        loads=(Load(start=0, rate=USUAL),),
        outages=_outage(Trouble.TIMES_OUT),
        offline=True,
    ),
    Scenario(
        name="spot",
        title="half of four tasks lost to Spot with none to replace them for ten minutes, later one killed",
        seconds=3 * HOUR,
        loads=(Load(start=0, rate=BUSY),),
        first_tasks=4,
        spot_losses=(SpotLoss(at=HOUR, share=0.5, shortage=10 * MINUTE),),
        kills=(2 * HOUR,),
    ),
    Scenario(
        name="no-metric",
        title="nobody measures the backlog for half an hour, while four tasks are at work",
        seconds=3 * HOUR,
        loads=(Load(start=0, rate=BUSY),),
        first_tasks=4,
        silences=((_FROM, _TO),),
    ),
)
