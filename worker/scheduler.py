"""RedBeat's scheduler, made to outlive Redis.

RedBeat exits when Redis does not answer, and when its lock is gone because Redis was wiped. Both
pass, and whoever restarts beat then has to wait for a lock that the last one left.

What ran by a clock that was put back since would not run again until the same time has come once more:
the schedule then begins anew.
"""

from __future__ import annotations

import logging
import time
from types import SimpleNamespace
from typing import Any

from redbeat.schedulers import RedBeatScheduler, RedBeatSchedulerEntry, acquire_distributed_beat_lock
from redis.exceptions import LockError, RedisError

from worker import beat

logger = logging.getLogger(__name__)

_AT_ONCE = 0.1
_AHEAD_SECONDS = 60.0
"""Clocks of machines that take turns as beat differ by less."""


class Scheduler(RedBeatScheduler):
    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Seconds until the next tick."""
        try:
            if self.lock is None:
                self._begin_again()
            wait = float(super().tick(*args, **kwargs))  # type: ignore[no-untyped-call]
            last_tick = beat.note_tick(self.app.conf.broker_url)
            if last_tick is not None and last_tick > time.time() + _AHEAD_SECONDS:
                logger.warning("the clock was put back; the schedule begins anew")
                self._forget_runs()
                return _AT_ONCE
        except LockError:
            logger.warning("beat's lock is gone; taking it again")
            self.lock = None
            return _AT_ONCE
        except RedisError as exc:
            logger.warning("Redis does not answer; beat waits", extra={"cause": type(exc).__name__})
            return float(self.max_interval or _AT_ONCE)
        return wait

    def _forget_runs(self) -> None:
        for name in self.app.redbeat_conf.schedule:  # type: ignore[attr-defined]
            entry = RedBeatSchedulerEntry(name, app=self.app)  # type: ignore[no-untyped-call]
            entry.delete()  # type: ignore[no-untyped-call]
        self.setup_schedule()  # type: ignore[no-untyped-call]

    def _begin_again(self) -> None:
        """Where the lock was wiped, the schedule was too."""
        acquire_distributed_beat_lock(SimpleNamespace(scheduler=self))  # type: ignore[no-untyped-call]
        self.setup_schedule()  # type: ignore[no-untyped-call]
