"""Real PostgreSQL, Valkey, API, workers and beat; fake models; a steady load, looked at every 5 s."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrate
from tests.e2e.stack import Stack
from tests.fakes.running import running_model_server
from tests.soak.load import Load
from tests.soak.report import Soak
from tests.soak.samples import Sample, sample
from tests.soak.verdict import DRAINED_WITHIN_SECONDS

MODEL_SECONDS = 0.2
NEW_GROUPS_A_SECOND = 1.0
"""What two worker processes can do beside everything else on two cores. More would be a backlog, and to work
that off is what more workers are for."""
_WARM_SECONDS = 5.0
_PEAK_SECONDS = 15.0
_SAMPLE_SECONDS = 5.0
_KNOWN_SECONDS = 60.0
_OPEN = "SELECT count(*) AS open FROM jobs WHERE state IN ('queued', 'running')"
_ANALYSED = "SELECT count(*) AS rows FROM error_analysis"

# As in production, where the tests' stack has short ones.
_PRODUCTION = {
    "SWEEP_INTERVAL": "5",
    "RESEND_AFTER": "15",
    "RETRY_BASE": "12",
    "RETRY_FACTOR": "6",
    "LEASE": "30",
    "LOG_LEVEL": "WARNING",
    # Reckoned for each event as in production, and never reached: a refusal is a fault here.
    "INGEST_RATE_PROJECT": "1000000/second",
    "INGEST_RATE_KEY": "1000000/second",
}


def soak(*, seconds: float, say: Callable[[str], None]) -> Soak:
    with TemporaryDirectory(prefix="rootnote-soak-") as name, ExitStack() as running:
        folder = Path(name)
        say("starting PostgreSQL, Valkey, the models, API, workers and beat")
        postgres = running.enter_context(PostgresServer(folder / "postgres"))
        valkey = running.enter_context(ValkeyServer(folder / "valkey"))
        models = running.enter_context(running_model_server())
        models.script("openai", then={"fault": "latency", "seconds": MODEL_SECONDS})
        migrate(postgres.url)
        programs = folder / "programs"
        programs.mkdir()
        asking = {"OPENAI_API_KEY": "sk-soak", "OPENAI_BASE_URL": models.openai_base_url}
        stack = running.enter_context(
            Stack(programs, database_url=postgres.url, redis_url=valkey.url, **_PRODUCTION, **asking)
        )
        return asyncio.run(_soak(stack, seconds, say))


async def _soak(stack: Stack, seconds: float, say: Callable[[str], None]) -> Soak:
    async with Load(stack.url) as load:
        await load.each_group_once()
        if await _seconds_until_worked(stack, _KNOWN_SECONDS) is None:
            raise RuntimeError(f"the known groups were not analysed:\n{stack.logs()}")
        await load.as_fast_as_taken(_WARM_SECONDS)
        peak = await load.as_fast_as_taken(_PEAK_SECONDS)
        rate = peak / 2
        say(f"peak: {peak:.0f} events a second; {seconds / 60:g} minutes at {rate:.0f}")
        new_every = max(2, round(rate / NEW_GROUPS_A_SECOND))
        load.take()
        sending = asyncio.create_task(load.steadily(rate, new_every=new_every, seconds=seconds))
        samples = await _watch(stack, load, sending, say)
        drained_in = await _seconds_until_worked(stack, DRAINED_WITHIN_SECONDS)
    return Soak(
        peak=peak,
        rate=rate,
        new_groups=int(rate * seconds / new_every),
        analysed=stack.query(_ANALYSED)[0]["rows"],
        seconds=seconds,
        samples=samples,
        drained_in=drained_in,
    )


async def _watch(
    stack: Stack, load: Load, sending: asyncio.Task[None], say: Callable[[str], None]
) -> list[Sample]:
    began, samples = time.monotonic(), list[Sample]()
    while not sending.done():
        await asyncio.wait({sending}, timeout=_SAMPLE_SECONDS)
        at = time.monotonic() - began
        samples.append(await asyncio.to_thread(sample, stack, load.take(), at=at))
        say(_line(samples[-1]))
    await sending
    return samples


async def _seconds_until_worked(stack: Stack, patience: float) -> float | None:
    """None where jobs are left when it has run out."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < patience:
        [row] = await asyncio.to_thread(stack.query, _OPEN)
        if not row["open"]:
            return waited
        await asyncio.sleep(0.2)
    return None


def _line(each: Sample) -> str:
    sizes = " ".join(f"{name} {size.memory / 1e6:.1f}" for name, size in each.sizes.items())
    return (
        f"{each.at:5.0f} s: {each.accepted} accepted, {each.refused} refused, p50 {each.p50 * 1e3:.0f} ms,"
        f" p99 {each.p99 * 1e3:.0f} ms, {each.open_jobs} open jobs, {each.connections} connections,"
        f" MB: {sizes}"
    )
