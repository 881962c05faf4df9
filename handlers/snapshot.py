"""SnapStart: Lambda keeps the memory of a function that has started, and later wakes copies of it.

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
_FRESH_BYTES = 32


def prepare(load_everything: Callable[[], object]) -> None:
    """To be called at the end of a start: loads now, or before the snapshot, what requests would wait for.

    A start on demand is left as it is, since a request waits for it already.
    """
    match os.environ.get(_HOW_IT_STARTS):
        case "provisioned-concurrency":
            load_everything()
        case "snap-start":
            # Here, since it comes with Lambda's runtime and with nothing else.
            from snapshot_restore_py import (  # noqa: PLC0415
                register_after_restore,
                register_before_snapshot,
            )

            register_before_snapshot(load_everything)
            register_after_restore(renew)


def renew() -> None:
    """Seed what would else give every copy the same numbers: ids would come twice, and retries in step."""
    random.seed()
    ids.reseed()
    # Lambda's own OpenSSL is said to see to it by itself.
    ssl.RAND_add(os.urandom(_FRESH_BYTES), 0.0)
