"""`celery -A tests.e2e.forgetful_worker`: the worker, but at SIGUSR2 its consumer forgets its queues.

It stays connected and alive and takes nothing, as Celery was known to after it lost its connection.
"""

from __future__ import annotations

import signal
from typing import Any

from celery.signals import worker_ready

from worker import app

__all__ = ["app"]


@worker_ready.connect
def _forget_when_told(sender: Any, **_: object) -> None:
    signal.signal(signal.SIGUSR2, lambda *_: sender.task_consumer.cancel())
