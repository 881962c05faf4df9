"""All faults, in the order in which they are told."""

from __future__ import annotations

from tests.faults import messages, providers, schedule, workers
from tests.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *workers.FAULTS,
    *schedule.FAULTS,
    *messages.FAULTS,
    *providers.FAULTS,
)
