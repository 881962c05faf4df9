"""What can be seen of a running stack from outside, at one moment."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import redis

from core.queue.names import AI_ANALYSIS
from tests.e2e.program import Program
from tests.e2e.stack import Stack
from tests.soak.load import Answers

_ANONYMOUS = re.compile(r"^Pss_Anon: +([0-9]+) kB$", re.MULTILINE)
_STORE = """
SELECT (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()) AS connections,
       count(*) FILTER (WHERE state IN ('queued', 'running')) AS open,
       coalesce(extract(epoch FROM now() - min(due_at)
         FILTER (WHERE state = 'queued' AND due_at <= now())), 0)::float8 AS oldest_due
FROM jobs
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Of a program with its children: bytes of memory, and open files.

    The memory is what no file backs, pages that processes share counted once (Linux' Pss_Anon). Files' pages
    are left out: of those a program's share changes whenever another one that has the same library mapped
    starts or ends.
    """

    memory: int
    files: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """`at` in seconds from the start; `accepted`, `refused`, `p50` and `p99` since the last sample."""

    at: float
    sizes: Mapping[str, Size]
    accepted: int
    refused: int
    p50: float
    p99: float
    connections: int
    open_jobs: int
    oldest_due: float
    queue: int


def sample(stack: Stack, answers: Answers, *, at: float) -> Sample:
    [store] = stack.query(_STORE)
    with redis.Redis.from_url(stack.redis_url) as client:
        queue = int(str(client.llen(AI_ANALYSIS)))
    times = sorted(answers.seconds)
    return Sample(
        at=at,
        sizes={name: size_of(program) for name, program in stack.programs.items()},
        accepted=len(times),
        refused=answers.refused.total(),
        p50=percentile(times, 50),
        p99=percentile(times, 99),
        connections=store["connections"],
        open_jobs=store["open"],
        oldest_due=store["oldest_due"],
        queue=queue,
    )


def size_of(program: Program) -> Size:
    memory = files = 0
    for process in (psutil.Process(program.pid), *program.children()):
        # A child that has just ended has no size.
        with contextlib.suppress(psutil.NoSuchProcess):
            memory += _anonymous(process.pid)
            files += process.num_fds()
    return Size(memory=memory, files=files)


def _anonymous(pid: int) -> int:
    """Raises psutil.NoSuchProcess."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    found = _ANONYMOUS.search(text)
    if found is None:
        raise RuntimeError("this kernel does not tell of anonymous memory (Pss_Anon)")
    return int(found[1]) * 1024


def percentile(ordered: list[float], percent: int) -> float:
    """0 of nothing."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0
