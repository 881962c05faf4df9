"""Celery as the guide configures it: one queue on Redis, prefork, 4 and 5 minutes for a task."""

from __future__ import annotations

import os

from celery import Celery

app = Celery(
    "reference",
    broker=os.environ["REDIS_URL"],
    include=["tests.load.reference.tasks"],
)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="ai_analysis",
    task_soft_time_limit=240,
    task_time_limit=300,
    worker_concurrency=2,
    timezone="UTC",
)
