"""The worker side. `celery -A worker worker`, `beat`, `inspect` and `flower` find `app` here."""

from worker.celery_app import app

__all__ = ["app"]
