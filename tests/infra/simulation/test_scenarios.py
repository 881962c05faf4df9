"""What the scaling does. All seconds and hours are simulated."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache

import pytest

from core.domain.job import JobState
from infra.simulation.figures import Figures, direction_changes, figures_of, seconds_to_drain
from infra.simulation.scenario import HOUR, MINUTE, Load, Outage, Scenario, Spike, Surroundings, Trouble
from infra.simulation.scenarios import SCENARIOS, USUAL
from infra.simulation.template import Raw, read, scaling_of
from infra.simulation.world import History, run

TEMPLATE = read()
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
SEEDS = range(1, 4)


@cache
def history_of(name: str, seed: int = 1) -> History:
    scenario = BY_NAME[name]
    return run(scenario, scaling_of(TEMPLATE, scenario.parameters), seed=seed)


def figures(name: str, seed: int = 1) -> Figures:
    return figures_of(history_of(name, seed))


def burst(rate: float) -> Scenario:
    return Scenario(
        name="burst",
        title="",
        seconds=2.5 * HOUR,
        loads=(
            Load(start=0, rate=rate),
            Load(start=HOUR, rate=10 * rate),
            Load(start=1.5 * HOUR, rate=rate),
        ),
    )


@pytest.mark.parametrize("rate", [USUAL / 3, USUAL, 2 * USUAL])
@pytest.mark.parametrize("counts_from_now", [False, True])
def test_ten_times_the_load_waits_no_longer_than_acceptable(rate: float, counts_from_now: bool) -> None:
    """By either reading of what the guide leaves open."""
    scaling = scaling_of(TEMPLATE)
    for seed in SEEDS:
        figures_ = figures_of(run(burst(rate), scaling, seed=seed, counts_from_now=counts_from_now))
        assert figures_.longest_wait <= scaling.acceptable_wait
        assert figures_.most_tasks <= scaling.max_tasks
        assert figures_.turns <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_half_an_hours_load_at_once_waits_no_longer_than_acceptable(seed: int) -> None:
    figures_ = figures("spike", seed)
    assert figures_.longest_wait <= scaling_of(TEMPLATE).acceptable_wait
    assert figures_.turns <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_usual_load_changes_nothing(seed: int) -> None:
    assert history_of("usual", seed).changes == ()
    assert figures("usual", seed).longest_wait < MINUTE


def test_a_slow_ramp_goes_up_once_and_down_once() -> None:
    assert figures("ramp").turns == 1
    assert figures("ramp").longest_wait <= scaling_of(TEMPLATE).acceptable_wait


def test_a_day_and_a_night_do_not_thrash() -> None:
    history = run(replace(BY_NAME["days"], seconds=24 * HOUR), scaling_of(TEMPLATE))
    assert direction_changes(history.changes) <= 3
    assert figures_of(history).longest_wait <= scaling_of(TEMPLATE).acceptable_wait
    assert {change.after for change in history.changes} >= {1, 8}


@pytest.mark.parametrize("jobs", [1, 20])
@pytest.mark.parametrize("seed", SEEDS)
def test_from_zero_the_first_job_begins_within_six_minutes(jobs: int, seed: int) -> None:
    scenario = Scenario(
        name="zero", title="", seconds=2 * HOUR, spikes=(Spike(at=HOUR + 17 * seed, jobs=jobs),)
    )
    history = run(scenario, scaling_of(TEMPLATE, {"MinTasks": 0}), seed=seed)
    assert history.waits[0][1] <= 6 * MINUTE
    assert history.ended == {JobState.DONE: jobs}
    assert history.moments[-1].running == 0


def test_from_zero_a_large_backlog_starts_many_tasks_at_once() -> None:
    scenario = Scenario(name="zero", title="", seconds=2 * HOUR, spikes=(Spike(at=HOUR, jobs=300),))
    history = run(scenario, scaling_of(TEMPLATE, {"MinTasks": 0}))
    assert history.changes[0].before == 0
    assert history.changes[0].after >= 9
    assert figures_of(history).longest_wait <= 8 * MINUTE


@pytest.mark.parametrize("delay", [(30.0, 60.0), (60.0, 120.0), (100.0, 160.0)])
@pytest.mark.parametrize("seed", SEEDS)
def test_late_metrics_of_ecs_start_no_crowd(delay: tuple[float, float], seed: int) -> None:
    """The newest minutes look as if no task ran."""
    scenario = Scenario(name="late", title="", seconds=5 * HOUR, loads=(Load(start=HOUR, rate=USUAL),))
    history = run(
        scenario,
        scaling_of(TEMPLATE, {"MinTasks": 0}),
        seed=seed,
        surroundings=Surroundings(ecs_delay=delay),
    )
    assert figures_of(history).most_tasks <= 2
    assert figures_of(history).turns <= 2


@pytest.mark.parametrize("rate", [1 / 3_600, 1 / 600, 0.02, USUAL])
def test_zero_does_not_thrash(rate: float) -> None:
    """An hour has room for no more: five minutes to start, half an hour without a job to stop."""
    scenario = Scenario(name="few", title="", seconds=12 * HOUR, loads=(Load(start=0, rate=rate),))
    history = run(scenario, scaling_of(TEMPLATE, {"MinTasks": 0}))
    assert figures_of(history).turns_an_hour <= 3.5
    assert figures_of(history).most_tasks <= 2


@pytest.mark.parametrize("name", ["provider-times-out", "provider-refuses", "provider-times-out-busy"])
def test_after_a_dead_provider_the_backlog_drains(name: str) -> None:
    history, figures_ = history_of(name), figures(name)
    assert figures_.most_tasks <= history.scaling.max_tasks
    assert figures_.turns <= 2
    assert figures_.lost == 0
    # The last retry is due 432 s, and a fifth, after its failure.
    drained = seconds_to_drain(history, since=1.5 * HOUR, down_to=12)
    assert drained is not None
    assert drained <= 15 * MINUTE


def test_two_dead_providers_scale_no_further_than_the_most() -> None:
    figures_ = figures("both-time-out")
    assert figures_.most_tasks <= 10
    assert figures_.turns <= 2
    assert (figures_.dead, figures_.lost) == (0, 0)


def test_more_tasks_do_not_help_against_a_dead_provider() -> None:
    scenario = BY_NAME["provider-times-out"]
    few = figures_of(run(scenario, scaling_of(TEMPLATE, {"MaxTasks": 1})))
    assert abs(few.dead - figures("provider-times-out").dead) <= 0.05 * few.dead


def test_what_times_out_counts_no_further_than_the_longest_job() -> None:
    scenario = BY_NAME["provider-times-out"]
    unbounded = figures_of(run(scenario, scaling_of(TEMPLATE, {"LongestJobSeconds": 1_000})))
    assert figures("provider-times-out").most_tasks < unbounded.most_tasks


def test_with_the_offline_analyser_no_job_dies() -> None:
    history = history_of("offline-answers")
    assert figures_of(history).dead == 0
    assert history.offline > 0
    assert history.retries == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_tasks_lost_to_spot_lose_no_job(seed: int) -> None:
    figures_ = figures("spot", seed)
    assert (figures_.lost, figures_.dead) == (0, 0)
    assert figures_.longest_wait <= scaling_of(TEMPLATE).acceptable_wait


def test_jobs_that_outlast_the_grace_are_given_back_uncounted() -> None:
    """Two calls that time out take two minutes, and the grace is a minute and a half."""
    scenario = replace(
        BY_NAME["spot"],
        outages=(Outage(start=HOUR - 20, end=HOUR + 5 * MINUTE, trouble=Trouble.TIMES_OUT),),
        providers=2,
        kills=(),
    )
    history = run(scenario, scaling_of(TEMPLATE))
    assert history.given_back > 0
    assert history.arrived == sum(history.ended.values()) + history.open
    assert JobState.DEAD not in history.ended


def test_nothing_is_removed_while_nobody_measures() -> None:
    start, end = BY_NAME["no-metric"].silences[0]
    meanwhile = [
        change for change in history_of("no-metric").changes if start <= change.at <= end + 2 * MINUTE
    ]
    assert meanwhile == []


def changed(resource: str, *path: str | int, value: object) -> Raw:
    template = deepcopy(TEMPLATE)
    node = template["Resources"][resource]["Properties"]
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return template


ALL_AT_ONCE = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 10}]


@pytest.mark.parametrize(
    "template",
    [
        changed("ScaleOutAlarm", "Threshold", value=2),
        changed("ScaleOutAlarm", "Metrics", 0, "Expression", value="backlog_seconds / tasks / 30"),
        changed("ScaleOut", "StepScalingPolicyConfiguration", "StepAdjustments", value=ALL_AT_ONCE),
        changed("ScaleIn", "StepScalingPolicyConfiguration", "Cooldown", value=1_800),
        changed("ScaleInAlarm", "Threshold", value=0.1),
        changed("ScaleInAlarm", "DatapointsToAlarm", value=10),
        changed("WorkerTasks", "MaxCapacity", value=3),
    ],
)
def test_the_numbers_come_from_the_template(template: Raw) -> None:
    history = run(BY_NAME["burst"], scaling_of(template))
    assert history.changes != history_of("burst").changes


def test_a_rule_of_the_code_changes_the_outcome() -> None:
    """An outage of seven minutes is over when the last retry comes, at about 432 s."""
    short = replace(
        BY_NAME["provider-refuses"],
        outages=(Outage(start=HOUR, end=HOUR + 7 * MINUTE, trouble=Trouble.REFUSES),),
    )
    assert figures_of(run(short, scaling_of(TEMPLATE))).dead == 0
    assert figures("provider-refuses").dead > 0


def test_the_same_seed_is_the_same_history() -> None:
    scenario, scaling = BY_NAME["spot"], scaling_of(TEMPLATE)
    assert run(scenario, scaling, seed=7) == run(scenario, scaling, seed=7)
    assert run(scenario, scaling, seed=7).waits != run(scenario, scaling, seed=8).waits
