"""What the worker does, by the code's own rules and defaults."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.job import RetryPolicy
from core.settings import Settings


def _default(name: str) -> float:
    return float(Settings.model_fields[name].default)


_RETRIES = RetryPolicy(
    max_retries=int(_default("max_retries")),
    base=_default("retry_base"),
    factor=_default("retry_factor"),
    longest=_default("retry_max"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Defaults of `core.settings`; seconds everywhere.

    A place is a process of a worker, and a job stands for JOBS_PER_PROCESS of them, side by side: all rules
    are about jobs in proportion to places.
    """

    retries: RetryPolicy = _RETRIES
    concurrency: int = int(_default("worker_concurrency"))
    call_timeout: float = _default("llm_call_timeout")
    sweep_interval: float = _default("sweep_interval")
    lease: float = _default("lease")
    grace: float = _default("shutdown_grace")
