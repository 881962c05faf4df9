"""The guide as written, to be measured against: the first guide of docs/guide-coverage.md, and nothing more.

The way it is usually read: a FastAPI route in plain `def` with a pydantic body; an SQLAlchemy session for
each request, on the default pool, with add, commit and refresh; `analyse_error_event.delay(…)` after the
commit where the status is 500 or more; a Celery app with the guide's queue, retries and time limits, whose
task reads the event, skips what is below 500 or analysed before, asks OpenAI for JSON, and stores the
analysis. It has a database and a queue of its own (DATABASE_URL, REDIS_URL) and is started by the guide's
commands: `uvicorn tests.load.reference.main:app`, and `celery -A tests.load.reference worker
--queues=ai_analysis --concurrency=2`. It has no groups, no scrubbing, no idempotency and no outbox.
"""

from tests.load.reference.celery_app import app as celery

__all__ = ["celery"]
