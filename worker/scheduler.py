"""RedBeat's scheduler, made to outlive Redis.

RedBeat exits when Redis does not answer, and when its lock is gone because Redis was wiped. Both
pass, and whoever restarts beat then has to wait for a lock that the last one left.
"""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

from redbeat.schedulers import RedBeatScheduler, acquire_distributed_beat_lock
from redis.exceptions import LockError, RedisError

from worker import beat

logger = logging.getLogger(__name__)

_AT_ONCE = 0.1


class Scheduler(RedBeatScheduler):
    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Seconds until the next tick."""
        try:
            if self.lock is None:
                self._begin_again()
            wait = float(super().tick(*args, **kwargs))  # type: ignore[no-untyped-call]
        except LockError:
            logger.warning("beat's lock is gone; taking it again")
            self.lock = None
            return _AT_ONCE
        except RedisError as exc:
            logger.warning("Redis does not answer; beat waits", extra={"cause": type(exc).__name__})
            return float(self.max_interval or _AT_ONCE)
        beat.note_tick(self.app.conf.broker_url)
        return wait

    def _begin_again(self) -> None:
        """Where the lock was wiped, the schedule was too."""
        acquire_distributed_beat_lock(SimpleNamespace(scheduler=self))  # type: ignore[no-untyped-call]
        self.setup_schedule()  # type: ignore[no-untyped-call]
