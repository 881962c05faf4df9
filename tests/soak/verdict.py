"""Is it well after all that time? Judged by the last two thirds: in the first, caches fill.

Memory is flat where its trend stays below `MOST_GROWTH` of its level a minute. The trend is the median of the
slopes between all pairs of samples (Theil and Sen): a moment's garbage would move a least-squares line more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median

from tests.soak.samples import Sample

MOST_GROWTH = 0.01
"""Allocators settle for minutes: half of this was seen in an API whose objects did not grow."""
MOST_NEW_FILES = 5
LONGEST_WAIT_SECONDS = 15.0
"""Of a job that is due, typically: the sweeper sends again what is older."""
DRAINED_WITHIN_SECONDS = 30.0
LEAST_SENT = 0.99
"""Of what was to be sent. With less, the answers came too slowly for the rate, and growth may be hidden."""
_MEGABYTE = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """Of one program: megabytes at the first and the last sample that count, and a minute's growth."""

    first: float
    last: float
    a_minute: float
    of_its_level: float
    files: tuple[int, int]

    @property
    def is_flat(self) -> bool:
        return self.of_its_level < MOST_GROWTH


def settled(samples: Sequence[Sample]) -> Sequence[Sample]:
    return samples[len(samples) // 3 :]


def trend_of(name: str, samples: Sequence[Sample]) -> Trend:
    counted = settled(samples)
    points = [(each.at / 60, each.sizes[name].memory / _MEGABYTE) for each in counted]
    slope = median((b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2))
    return Trend(
        first=points[0][1],
        last=points[-1][1],
        a_minute=slope,
        of_its_level=slope / fmean(size for _, size in points),
        files=(counted[0].sizes[name].files, counted[-1].sizes[name].files),
    )


def faults_in(samples: Sequence[Sample], *, wanted: float, drained_in: float | None) -> list[str]:
    """Sentences; none where all is well. `wanted` is how many events were to be sent; `drained_in` is None
    where jobs were left."""
    found = []
    refused = sum(each.refused for each in samples)
    if refused:
        found.append(f"{refused} events were not accepted")
    if (sent := refused + sum(each.accepted for each in samples)) < wanted * LEAST_SENT:
        found.append(f"the rate was not held: {sent} of {wanted:.0f} events were sent")
    for name in samples[0].sizes:
        trend = trend_of(name, samples)
        if not trend.is_flat:
            found.append(f"{name} grows by {trend.a_minute:.2f} MB a minute ({trend.of_its_level:.2%})")
        if trend.files[1] > trend.files[0] + MOST_NEW_FILES:
            found.append(f"{name} went from {trend.files[0]} to {trend.files[1]} open files")
    wait = median(each.oldest_due for each in settled(samples))
    if wait > LONGEST_WAIT_SECONDS:
        found.append(f"due jobs waited for {wait:.0f} s")
    if drained_in is None:
        found.append(f"jobs were left {DRAINED_WITHIN_SECONDS:.0f} s after the last event")
    return found
