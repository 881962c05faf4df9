"""How long things take: the median and the hundredth that is slowest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2

from tests.load.fill import Sample

Call = Callable[[int], object]

ONE = "POST 1 event"
NO_QUOTAS = {"INGEST_RATE_PROJECT": "", "INGEST_RATE_KEY": ""}
"""Settings: these loads are to show what is behind the quotas."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """Milliseconds."""

    p50: float
    p99: float


def timed(milliseconds: list[float]) -> Timed:
    ordered = sorted(milliseconds)
    return Timed(p50=ordered[len(ordered) // 2], p99=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)])


def time_calls(call: Call, count: int) -> Timed:
    """`call` is given a number from 0; the first few calls do not count."""
    [spent] = time_calls_by_turns((call,), count)
    return spent


def time_calls_by_turns(calls: Sequence[Call], count: int, *, warm_up: int = 8) -> list[Timed]:
    """Each `count` times, one after the other and over again, so that a slow moment is slow for all."""
    spent: list[list[float]] = [[] for _ in calls]
    for number in range(warm_up + count):
        for call, times in zip(calls, spent, strict=True):
            started = time.perf_counter()
            call(number)
            times.append((time.perf_counter() - started) * 1_000)
    return [timed(times[warm_up:]) for times in spent]


def is_up(http: httpx2.Client) -> bool:
    """Whether the API answers."""
    try:
        return http.get("/healthz").status_code == 200
    except httpx2.HTTPError:
        return False


def requests(http: httpx2.Client, sample: Sample, deep: str) -> dict[str, Call]:
    """By name. `deep`: a cursor half-way down."""

    def get(path: str, **parameters: str) -> Call:
        def call(_: int) -> None:
            response = http.get(path, params=parameters)
            if response.status_code not in (200, 503) or (response.status_code == 503 and path != "/readyz"):
                raise RuntimeError(f"{path} was answered with {response.status_code}")

        return call

    events, groups, jobs = "/api/v1/events", "/api/v1/groups", "/api/v1/jobs"
    return {
        "events page": get(events),
        "events page, deep": get(events, cursor=deep),
        "events page, noisy project, deep": get(events, cursor=deep, project_key="load-0"),
        "events page, quiet project": get(events, project_key="load-3"),
        "events page, hot group": get(events, group_id=str(sample.hot_group)),
        "events page, hot group, deep": get(events, cursor=deep, group_id=str(sample.hot_group)),
        "groups page": get(groups),
        "groups page, deep": get(groups, cursor=deep),
        "groups page, quiet project": get(groups, project_key="load-3"),
        "group page, hot group": get(f"{groups}/{sample.hot_group}"),
        "group page, small group": get(f"{groups}/{sample.small_group}"),
        "jobs page, done": get(jobs, state="done"),
        "jobs page, failed": get(jobs, state="failed"),
        "jobs page, quiet project": get(jobs, project_key="load-3"),
        "/readyz": get("/readyz"),
        "/metrics": get("/metrics"),
    }


def ingest(http: httpx2.Client, *, batch: int, new_groups: bool = False, run: str = "a") -> Call:
    """Posts one event, or a batch of them, of known groups or of groups that `run` has not made yet."""

    def call(number: int) -> None:
        events = [_event(number * batch + n, new_groups=new_groups, run=run) for n in range(batch)]
        path = "/api/v1/events" if batch == 1 else "/api/v1/events/batch"
        response = http.post(path, json=events[0] if batch == 1 else {"events": events})
        if response.status_code != 202:
            raise RuntimeError(f"{path} was answered with {response.status_code}: {response.text[:200]}")

    return call


def _event(number: int, *, new_groups: bool, run: str) -> dict[str, object]:
    name = _letters(number if new_groups else number % 100)
    return {
        "project_key": f"load-{number % 8}",
        "message": "Payment failed",
        "stack": f'Traceback (most recent call last):\n  File "/srv/{run}.py", line 1, in pay_{name}\n'
        "    charge()\nTimeoutError: no answer",
        "status_code": 500,
        "timestamp": "2026-11-20T12:00:00Z",
    }


def _letters(number: int) -> str:
    """Fingerprints leave numbers out."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))
