"""All faults, in the order in which they are told."""

from __future__ import annotations

from tests.faults import machine, messages, postgres, providers, redis, schedule, workers
from tests.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *workers.FAULTS,
    *schedule.FAULTS,
    *messages.FAULTS,
    *providers.FAULTS,
    *redis.FAULTS,
    *postgres.FAULTS,
    *machine.FAULTS,
)
