"""`celery -A tests.e2e.stuck_worker`: the worker, with tasks that do what none of its own should, and a soft
limit of 10 s."""

from __future__ import annotations

import time

from celery import shared_task

from core.queue import names
from worker import app, wiring

__all__ = ["app"]

FOR_GOOD = 3_600.0


@shared_task(name="tests.block_the_loop")
def block_the_loop() -> None:
    """As work would that computes without end."""

    async def compute() -> None:
        time.sleep(FOR_GOOD)  # noqa: ASYNC251  (the fault that is tested)

    wiring.process().loop.run(compute())


@shared_task(name="tests.ignore_the_soft_limit", soft_time_limit=1, time_limit=3)
def ignore_the_soft_limit() -> None:
    """Work outside of the event loop hears of no soft limit."""
    time.sleep(FOR_GOOD)


app.conf.task_soft_time_limit = 10
for task in (block_the_loop, ignore_the_soft_limit):
    app.conf.task_routes[task.name] = {"queue": names.AI_ANALYSIS}
