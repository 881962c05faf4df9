"""What a fault is: how it is done to a running scene, and what is promised after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.scene import Scene

SIGKILL_SECONDS = 60.0
REDIS_SECONDS = 30.0
POSTGRES_SECONDS = 30.0

PROCESS = 4
"""Calls that a process of a worker's pool has under way at most: with more, as a deployment has, it would say
little how many were made twice."""
POOL = 2 * PROCESS
"""And its two processes together."""


class Unavailable(Exception):
    """This machine cannot have the fault; the message says why."""


def _nothing(_: Scene) -> None:
    """Most faults leave nothing to be done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """`strike` is run in the middle of the load, for as long as the fault lasts; recovery counts from
    its return. It raises Unavailable where the machine cannot have the fault. `afterwards` is run when
    the scene is well again and before it is judged, for what must not undo what was done meanwhile.

    `name` is a word for the command line, with hyphens. `window` is how many model calls beyond one a
    group may happen: those under way when their process was lost (`window_is` says which).
    `may_restart` names the programs that may have to be started again by whoever runs them; any other
    that ends is a broken promise.
    """

    name: str
    does: str
    strike: Callable[[Scene], None]
    bound: float
    window: int = 0
    window_is: str = "none"
    may_restart: frozenset[str] = frozenset()
    afterwards: Callable[[Scene], None] = _nothing
