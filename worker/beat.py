"""The schedule, and beat's sign of life.

RedBeat keeps the schedule's state in Redis, so a restart neither repeats nor forgets, and holds a
lock, so that of two beats one waits.
"""

from __future__ import annotations

import logging
import time

from celery.schedules import crontab
from redis import Redis
from redis.exceptions import RedisError

from core.queue import names

logger = logging.getLogger(__name__)

_LOCK_TIMEOUT_SECONDS = 20
_TICK_LIFE_SECONDS = 3_600


def configuration(redis_url: str, sweep_interval: float) -> dict[str, object]:
    """Celery settings for beat."""
    return {
        "beat_scheduler": "worker.scheduler:Scheduler",
        "beat_max_loop_interval": min(5.0, sweep_interval),
        "redbeat_redis_url": redis_url,
        "redbeat_key_prefix": "rootnote:beat:",
        "redbeat_lock_timeout": _LOCK_TIMEOUT_SECONDS,
        "redbeat_redis_options": {"socket_timeout": 5, "socket_connect_timeout": 3, "socket_keepalive": True},
        "beat_schedule": {
            names.SWEEP: {
                "task": names.SWEEP,
                "schedule": sweep_interval,
                "options": {"queue": names.MAINTENANCE},
            },
            names.GENERATE_MISSING_METADATA_NIGHTLY: {
                "task": names.GENERATE_MISSING_METADATA_NIGHTLY,
                "schedule": crontab(hour=2, minute=0),
                "options": {"queue": names.MAINTENANCE},
            },
            names.CLEANUP_OLD_METADATA: {
                "task": names.CLEANUP_OLD_METADATA,
                "schedule": crontab(day_of_week="sunday", hour=3, minute=30),
                "options": {"queue": names.MAINTENANCE},
            },
        },
    }


def note_tick(redis_url: str) -> float | None:
    """Tell /readyz that beat is alive. Failing to must not keep the tick itself from going out.

    Gives when the tick before was, in seconds since 1970; None: not known.
    """
    try:
        with Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1) as redis:
            before = redis.set(names.BEAT_TICK, time.time(), ex=_TICK_LIFE_SECONDS, get=True)
    except RedisError as exc:
        logger.warning("beat's tick was not noted", extra={"cause": type(exc).__name__})
        return None
    return float(before) if before else None
