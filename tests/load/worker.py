"""The worker beside plain Celery tasks as the guide has them; models answer at once, or after a second."""

from __future__ import annotations

import argparse

from tests.load import worker_page
from tests.load.result import Result
from tests.load.worker_run import Plan, measure


def run(arguments: list[str]) -> Result:
    """About four minutes."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench worker", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 2 s for each figure")
    is_quick: bool = parser.parse_args(arguments).quick
    plan = (
        Plan(rounds=1, seconds=2, has_extras=False)
        if is_quick
        else Plan(rounds=3, seconds=6, has_extras=True)
    )
    found = measure(plan)
    return Result(
        title="Worker", table=worker_page.text(found, plan), faults=tuple(worker_page.faults(found))
    )
