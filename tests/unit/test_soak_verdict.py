"""The soak's verdict: growth is found in noise, and what settles is no growth."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.soak.load import KNOWN_GROUPS, event
from tests.soak.report import BEGIN, END, Soak, markdown, put
from tests.soak.samples import Sample, Size, percentile
from tests.soak.verdict import faults_in, trend_of

RATE, SECONDS = 100, 600


def samples(memory: Callable[[float], float]) -> list[Sample]:
    """Ten minutes, each five seconds; `memory` in MB by the minute."""
    return [
        Sample(
            at=at,
            sizes={"api": Size(memory=int(memory(at / 60) * 1e6), files=20)},
            accepted=RATE * 5,
            refused=0,
            p50=0.005,
            p99=0.02,
            connections=10,
            open_jobs=1,
            oldest_due=0.1,
            queue=0,
        )
        for at in range(5, SECONDS + 1, 5)
    ]


def noisy(memory: Callable[[float], float]) -> list[Sample]:
    noise = random.Random(7)
    return samples(lambda minute: memory(minute) + noise.gauss(0, 1))


def faults(found: Sequence[Sample]) -> list[str]:
    return faults_in(found, wanted=RATE * SECONDS, drained_in=1.0)


@pytest.mark.parametrize(
    "memory",
    [
        lambda _: 100.0,
        # Caches fill in the first minutes.
        lambda minute: 100 - 40 / (1 + minute * 3),
        lambda minute: 160 if 5 < minute < 6 else 100,
    ],
    ids=["flat", "settling", "a burst"],
)
def test_what_does_not_grow_is_well(memory: Callable[[float], float]) -> None:
    assert faults(noisy(memory)) == []


def test_a_leak_is_found_in_noise_of_its_own_size() -> None:
    leaking = noisy(lambda minute: 100 + 2 * minute)
    assert trend_of("api", leaking).a_minute == pytest.approx(2, abs=0.2)
    [fault] = faults(leaking)
    assert fault.startswith("api grows by")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"refused": 1}, "events were not accepted"),
        ({"accepted": RATE * 4}, "the rate was not held"),
        ({"oldest_due": 60.0}, "due jobs waited for 60 s"),
    ],
)
def test_other_faults_are_named(change: dict[str, float], fault: str) -> None:
    [found] = faults([replace(each, **change) for each in samples(lambda _: 100)])  # type: ignore[arg-type]
    assert fault in found


def test_files_that_stay_open_are_named() -> None:
    leaking = [
        replace(each, sizes={"api": Size(memory=100_000_000, files=20 + number)})
        for number, each in enumerate(samples(lambda _: 100))
    ]
    [fault] = faults(leaking)
    assert "open files" in fault


def test_jobs_that_are_left_are_named() -> None:
    [fault] = faults_in(samples(lambda _: 100), wanted=RATE * SECONDS, drained_in=None)
    assert fault.startswith("jobs were left")


def test_the_report_takes_its_place_in_the_document(tmp_path: Path) -> None:
    document = tmp_path / "reliability.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    result = Soak(
        peak=200,
        rate=RATE,
        new_groups=10,
        analysed=60_000,
        seconds=SECONDS,
        samples=samples(lambda _: 100),
        drained_in=1.0,
    )
    put(document, markdown(result))
    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}\n10 minutes at 100 events a second")
    assert text.endswith(f"{END}\nafter\n")
    assert "| api | 100.0 | 100.0 | +0.000 | +0.00 | 20, 20 |" in text
    assert "Accepted 60000, refused 0" in text
    assert "**all is well**" in text
    document.write_text("no marks")
    with pytest.raises(ValueError, match="no marks"):
        put(document, "")


def test_percentiles() -> None:
    assert percentile([], 99) == 0
    assert percentile([1, 2, 3, 4], 50) == 3
    assert percentile(list(map(float, range(100))), 99) == 99


def test_each_group_has_a_stack_of_its_own() -> None:
    stacks = sorted(str(event(group).split(b'"stack"')[1]) for group in range(KNOWN_GROUPS * 4))
    assert all(one != other for one, other in pairwise(stacks))
