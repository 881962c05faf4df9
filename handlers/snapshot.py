"""SnapStart: Lambda keeps the memory of a function that has started, and wakes copies of it in place of starts.

Everything is loaded before it is kept. What a copy must not share with the others is made anew when it wakes:
the seeds of random numbers. Connections, secrets and times need nothing: none is opened, read or noted before
the first request.
"""

from __future__ import annotations

import os
import random
import ssl
from collections.abc import Callable

from core.domain import ids

_HOW_IT_STARTS = "AWS_LAMBDA_INITIALIZATION_TYPE"
"""Lambda's own variable."""
_FROM_A_SNAPSHOT = "snap-start"
_FRESH_BYTES = 32


def register(load_everything: Callable[[], object]) -> None:
    """Have Lambda call what is for a snapshot, where it takes one. To be called while the function starts."""
    if os.environ.get(_HOW_IT_STARTS) != _FROM_A_SNAPSHOT:
        return
    # Here, since it comes with Lambda's runtime and with nothing else.
    from snapshot_restore_py import register_after_restore, register_before_snapshot  # noqa: PLC0415

    register_before_snapshot(load_everything)
    register_after_restore(renew)


def renew() -> None:
    """Seed all that would else give every copy the same numbers: retries would come in step, and new ids twice."""
    random.seed()
    ids.reseed()
    # Lambda's own OpenSSL is said to see to it by itself.
    ssl.RAND_add(os.urandom(_FRESH_BYTES), 0.0)
