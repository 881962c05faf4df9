"""What the Lambdas that are not HTTP share: the process's parts and its event loop, made once and kept.

Connections belong to the loop that opened them, so every invocation of a warm process runs in the same one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

from core import log, settings
from handlers import exposure, wiring
from handlers.wiring import Deps

T = TypeVar("T")

_SERVICE = "POWERTOOLS_SERVICE_NAME"
"""Powertools' own variable, which names the function in metrics too."""


def run(work: Callable[[Deps], Awaitable[T]]) -> T:
    """What `work` answers or raises. Raises ConfigError when the environment is wrong."""
    deps, runner = _process()
    # Without its own context, a runner would log every invocation under the first one's ids.
    return runner.run(_awaited(work, deps), context=copy_context())


async def _awaited(work: Callable[[Deps], Awaitable[T]], deps: Deps) -> T:
    return await work(deps)


@lru_cache(maxsize=1)
def _process() -> tuple[Deps, asyncio.Runner]:
    config = settings.load()
    exposure.check_lambda(config.auth, os.environ)
    log.configure(config.log_format, config.log_level, service=os.environ.get(_SERVICE, "lambda"))
    deps = wiring.build(config)
    deps.warm_up()
    return deps, asyncio.Runner()
