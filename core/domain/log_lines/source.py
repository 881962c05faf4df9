"""A log group's name as a name for what writes into it."""

from __future__ import annotations

import re
from hashlib import sha256

_LONGEST = 100
_NOT_OF_A_KEY = re.compile(r"[^A-Za-z0-9._-]+")
_NAMELESS = "logs"


def source_of(log_group: str) -> str:
    """`/aws/lambda/shop-checkout` is `shop-checkout`: the last part, as a project's key can be.

    A name that is too long keeps apart from its likes by a piece of its hash.
    """
    last = log_group.rstrip("/").rpartition("/")[2]
    key = _NOT_OF_A_KEY.sub("-", last).lstrip("._-")
    if len(key) <= _LONGEST:
        return key or _NAMELESS
    return f"{key[: _LONGEST - 9]}-{sha256(last.encode('utf-8', 'replace')).hexdigest()[:8]}"
