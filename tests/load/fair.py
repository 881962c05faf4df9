"""One project sends thousands of new errors: how fast are they worked, and how long do others wait?

On a real stack with one worker of two processes, and the offline analyser.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from infra.simulation.table import markdown
from tests.conftest import migrate
from tests.e2e.program import wait_until
from tests.e2e.stack import Stack
from tests.load.result import Result
from tests.load.timing import NO_QUOTAS

_PRODUCTION = {"SWEEP_INTERVAL": "5", "RESEND_AFTER": "15", "LEASE": "30"} | NO_QUOTAS
_BATCH = 500
_SECOND = 100
_DRAIN_SECONDS = 900
_LEAST_SHARE = 0.4
_LONGEST_WAIT = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fairness:
    """`second_share`: of the jobs that ended while the second project's did, those that were its own.

    `*_wait`: seconds from a job's making to its end.
    """

    jobs_a_second: float
    first_second: float
    second_share: float
    second_wait: float
    quiet_wait: float
    left_then: int


def run(arguments: list[str]) -> Result:
    """Two to three minutes."""
    parser = argparse.ArgumentParser(prog="python -m tests.load fair", description=__doc__)
    parser.add_argument("--jobs", type=int, default=5_000, help="of the noisy project")
    jobs = parser.parse_args(arguments).jobs
    found = measure(jobs)
    rows = [
        ("jobs a second", f"{found.jobs_a_second:.0f}"),
        (f"first of {_SECOND} errors of a second project analysed after", f"{found.first_second:.1f} s"),
        ("all of them after", f"{found.second_wait:.1f} s"),
        ("share of the workers that they had meanwhile", f"{found.second_share:.0%}"),
        ("one error of a third project analysed after", f"{found.quiet_wait:.1f} s"),
        ("jobs of the first project that still waited then", f"{found.left_then:,}"),
    ]
    faults = []
    if found.second_share < _LEAST_SHARE:
        faults.append(f"the second project had {found.second_share:.0%} of the workers")
    if found.quiet_wait > _LONGEST_WAIT:
        faults.append(f"a quiet project waited {found.quiet_wait:.0f} s")
    table = markdown((f"{jobs:,} new errors of one project", ""), rows)
    return Result(title="One noisy project", table=table, faults=tuple(faults))


def measure(jobs: int) -> Fairness:
    with tempfile.TemporaryDirectory(prefix="rootnote-fair-") as name:
        folder = Path(name)
        with PostgresServer(folder / "postgres") as postgres, ValkeyServer(folder / "valkey") as valkey:
            migrate(postgres.url)
            with Stack(folder, database_url=postgres.url, redis_url=valkey.url, **_PRODUCTION) as stack:
                return _measure(stack, jobs)


def _measure(stack: Stack, jobs: int) -> Fairness:
    sys.stderr.write(f"{jobs:,} new errors of one project\n")
    _send(stack, "noisy", jobs)
    _send(stack, "second", _SECOND)
    # Not at the same moment, so that it finds the queue as it usually is.
    time.sleep(1)
    _send(stack, "quiet", 1)
    _wait_for(stack, "quiet")
    left = _open(stack, "noisy")
    sys.stderr.write(f"{left:,} left\n")
    _wait_for(stack, "second")
    _wait_for(stack, "noisy")
    [row] = stack.query(_FIGURES)
    return Fairness(left_then=left, **row)


def _send(stack: Stack, project: str, count: int) -> None:
    for first in range(0, count, _BATCH):
        events = [_event(project, number) for number in range(first, min(first + _BATCH, count))]
        response = stack.http.post("/api/v1/events/batch", json={"events": events}, timeout=60)
        if response.status_code != 202:
            raise RuntimeError(f"a batch was answered with {response.status_code}: {response.text[:200]}")


def _event(project: str, number: int) -> dict[str, object]:
    name = "".join(chr(ord("a") + int(digit)) for digit in str(number))
    return {
        "project_key": project,
        "message": "Payment failed",
        "stack": f'Traceback (most recent call last):\n  File "/srv/shop.py", line 1, in pay_{name}\n'
        "    charge()\nTimeoutError: no answer",
        "status_code": 500,
        "timestamp": "2026-11-20T12:00:00Z",
    }


def _open(stack: Stack, project: str) -> int:
    [row] = stack.query(
        "SELECT count(*) FROM jobs j JOIN projects p ON p.id = j.project_id"
        " WHERE p.key = %s AND j.state IN ('queued', 'running')",
        project,
    )
    return int(row["count"])


def _wait_for(stack: Stack, project: str) -> None:
    wait_until(lambda: _open(stack, project) == 0, _DRAIN_SECONDS, f"{project} is analysed")


_FIGURES = """
WITH job AS (
  SELECT p.key, j.created_at, j.finished_at FROM jobs j JOIN projects p ON p.id = j.project_id
), noisy AS (
  SELECT count(*) / extract(epoch FROM max(finished_at) - min(finished_at)) AS rate FROM job
), second AS (
  SELECT min(created_at) AS made, min(finished_at) AS first, max(finished_at) AS last FROM job
  WHERE key = 'second'
)
SELECT noisy.rate::float8 AS jobs_a_second,
       extract(epoch FROM second.first - second.made)::float8 AS first_second,
       extract(epoch FROM second.last - second.made)::float8 AS second_wait,
       (SELECT avg((key = 'second')::int) FROM job, second
        WHERE finished_at BETWEEN second.first AND second.last)::float8 AS second_share,
       (SELECT extract(epoch FROM finished_at - created_at) FROM job
        WHERE key = 'quiet')::float8 AS quiet_wait
FROM noisy, second
"""
