"""The worker's real objects, one of each a process, made when the first task needs them.

The pool's children are forked from a parent that has made none: connections must not be inherited.
"""

from __future__ import annotations

import gc
import random
import threading
from dataclasses import dataclass
from datetime import timedelta

from billiard.process import current_process
from pydantic import SecretStr

from core.aws import secrets
from core.aws.secrets import SecretsManager
from core.domain.job import JobKind, RetryPolicy
from core.errors import ConfigError
from core.operations.connections import database_of, publisher_of
from core.queue.publisher import Publisher
from core.settings import GeminiSdk, Settings, load
from core.store.budget import Caps
from core.store.database import Database
from core.store.dispatch import LONGEST
from worker.loop import LoopThread
from worker.pool.claimant import name_of, new_word
from worker.providers.base import Provider, Usage
from worker.providers.breaker import Breaker
from worker.providers.fallback import Chain
from worker.providers.pricing import cost_usd, with_overrides
from worker.ratelimit import NoRateLimit, SharedRateLimit
from worker.usecases.analyse_event import AnalyseTools, Offline
from worker.usecases.asking import Asking, RateLimit
from worker.usecases.claimed import JobTools
from worker.usecases.generate_metadata import Extractor, MetadataTools
from worker.usecases.sweep import SweepTools
from worker.usecases.window import LEAST, Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """Everything a task needs."""

    settings: Settings
    claimant: str
    """See `pool.claimant`."""
    loop: LoopThread
    database: Database
    publisher: Publisher
    chain: Chain
    analyse: AnalyseTools
    metadata: MetadataTools
    sweep: SweepTools
    one_look: SweepTools
    """For a sweep in a pool that it shares with jobs."""

    def new_claim(self) -> str:
        """A name for one claim: this process's, and a word for this time."""
        return f"{self.claimant}:{new_word()}"


_WORK_SECONDS = 60.0
"""Copies and clean-ups may take longer than what a request waits for."""

_LONGEST_SWEEP = 30.0
"""However rare sweeps are: far below the time limit of a task."""
_LOSS_SPREAD = timedelta(seconds=10)
"""With a lease of 30 s, a job whose second worker was lost still begins anew within a minute."""

_STUCK_AFTER_LEASE = 10.0
"""A loop that does nothing renews no lease; others have had its jobs for so long by then."""

_process: Process | None = None
_building = threading.Lock()


def process() -> Process:
    """This process's objects, for any of its threads. Raises ConfigError."""
    global _process  # noqa: PLW0603  (the one global of the worker, as this module's purpose)
    with _building:
        if _process is None:
            _process = _build(load())
        return _process


def preload(settings: Settings) -> None:
    """Load what processes forked from this one will use: they start sooner, and share the memory.

    And what a call needs is there when its turn in the rate limit comes, for a process's first calls too.
    """
    if settings.openai_api_key is not None:
        from worker.providers import openai  # noqa: PLC0415

        openai.preload()
        cost_usd("openai", settings.openai_model, Usage())
    if settings.gemini_api_key is not None and settings.gemini_sdk is GeminiSdk.GENAI:
        from worker.providers import gemini  # noqa: F401, PLC0415
    # A collection in a forked process would write to all that it has in common with the others.
    gc.collect()
    gc.freeze()


def stop_work() -> None:
    """Have all that is under way clean up and end; nothing more begins. Does not wait."""
    # Without the lock: a signal's handler may have interrupted whoever holds it.
    if _process is not None:
        _process.loop.stop_work()


def close() -> None:
    """End the connections, if there are any."""
    global _process  # noqa: PLW0603
    if _process is None:
        return
    _process.loop.close(
        _process.analyse.asking.rate.aclose(),
        _process.metadata.asking.rate.aclose(),
        _process.chain.aclose(),
        _process.publisher.aclose(),
        _process.database.aclose(),
    )
    _process = None


def _build(settings: Settings) -> Process:
    manager = SecretsManager()
    database = database_of(settings, manager, work_seconds=_WORK_SECONDS)
    chain = Chain(
        _providers(settings),
        breaker=Breaker(),
        call_timeout=settings.llm_call_timeout,
        price=with_overrides(settings.model_prices),
    )
    publisher = publisher_of(settings, manager)
    jobs = _job_tools(settings, database)
    return Process(
        settings=settings,
        claimant=name_of(current_process()),
        loop=LoopThread(stuck_after=_stuck_after(settings)),
        database=database,
        publisher=publisher,
        chain=chain,
        analyse=AnalyseTools(
            jobs=jobs,
            asking=_asking(settings, database, chain, "analysis", settings.analysis_rate),
            offline=_offline() if settings.offline_analyser else None,
        ),
        metadata=MetadataTools(
            jobs=jobs,
            asking=_asking(settings, database, chain, "metadata", settings.metadata_rate),
            extractor=_extractor() if settings.offline_analyser else None,
            is_enabled=settings.enable_sti,
        ),
        sweep=_sweep_tools(
            settings, database, publisher, lasts=min(settings.sweep_interval, _LONGEST_SWEEP), least=LEAST
        ),
        one_look=_sweep_tools(settings, database, publisher, lasts=0, least=LONGEST),
    )


def _stuck_after(settings: Settings) -> float | None:
    """Only a process of the pool is replaced by its parent when it ends."""
    return settings.lease + _STUCK_AFTER_LEASE if current_process().daemon else None


def _sweep_tools(
    settings: Settings, database: Database, publisher: Publisher, *, lasts: float, least: int
) -> SweepTools:
    return SweepTools(
        database=database,
        queue=publisher,
        windows={kind: Window(least=least) for kind in JobKind},
        max_losses=1 + settings.max_retries,
        spread=_LOSS_SPREAD,
        resend_after=timedelta(seconds=settings.resend_after),
        apart=timedelta(seconds=settings.sweep_interval / 2),
        lasts=lasts,
    )


def _job_tools(settings: Settings, database: Database) -> JobTools:
    return JobTools(
        database=database,
        policy=RetryPolicy(
            max_retries=settings.max_retries,
            base=settings.retry_base,
            factor=settings.retry_factor,
            longest=settings.retry_max,
        ),
        lease=timedelta(seconds=settings.lease),
        jitter=random.random,
        # Longer, and leases have run out: then whoever comes first works the job.
        patience=timedelta(seconds=2 * settings.lease),
    )


def _asking(settings: Settings, database: Database, chain: Chain, name: str, rate: str | None) -> Asking:
    return Asking(
        database=database,
        models=chain,
        rate=_rate_limit(settings, name, rate) if rate else NoRateLimit(),
        caps=Caps(day=settings.budget_day_usd, month=settings.budget_month_usd),
        budget_seconds=settings.llm_budget,
    )


def _rate_limit(settings: Settings, name: str, rate: str) -> RateLimit:
    try:
        return SharedRateLimit(
            secrets.redis_url(settings), name=name, rate=rate, timeout=settings.redis_timeout
        )
    except ValueError as exc:
        raise ConfigError(f"{name.upper()}_RATE: must read like 10/minute") from exc


def _offline() -> Offline:
    from worker.providers import heuristic  # noqa: PLC0415  (only where it is allowed)

    return Offline(model=heuristic.MODEL, analyse=heuristic.analyse)


def _extractor() -> Extractor:
    from worker.providers import extractor  # noqa: PLC0415  (only where it is allowed)

    return Extractor(model=extractor.MODEL, extract=extractor.extract)


def _providers(settings: Settings) -> list[Provider]:
    """Those that have a key, in the order in which they are asked. Each SDK is loaded only if used."""
    providers: list[Provider] = []
    if settings.openai_api_key is not None:
        from worker.providers.openai import OpenAIProvider  # noqa: PLC0415

        providers.append(
            OpenAIProvider(
                api_key=settings.openai_api_key.get_secret_value(),
                base_url=settings.openai_base_url,
                model=settings.openai_model,
            )
        )
    if settings.gemini_api_key is not None:
        providers.append(_gemini(settings, settings.gemini_api_key))
    return providers


def _gemini(settings: Settings, api_key: SecretStr) -> Provider:
    key, base_url, model = api_key.get_secret_value(), settings.gemini_base_url, settings.gemini_model
    if settings.gemini_sdk is GeminiSdk.GENERATIVEAI:
        from worker.providers.gemini_legacy import GeminiLegacyProvider  # noqa: PLC0415

        return GeminiLegacyProvider(api_key=key, base_url=base_url, model=model)
    from worker.providers.gemini import GeminiProvider  # noqa: PLC0415

    return GeminiProvider(api_key=key, base_url=base_url, model=model)
