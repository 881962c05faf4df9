"""What the worker does, without Celery, HTTP or any concrete provider."""
