"""The worker side. `celery -A worker worker`, `beat`, `inspect` and `flower` find `app` here,
and `inspect failed` and `control retry` beside it."""

from worker import remote_control
from worker.celery_app import app

__all__ = ["app", "remote_control"]
