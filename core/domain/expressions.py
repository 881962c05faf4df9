"""Regular expressions that are compiled when they are first wanted.

Most of ours stand behind a sign that few texts have. To compile all of them took a tenth of a cold start.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

Expression: TypeAlias = Callable[[], re.Pattern[str]]


def expression(pattern: str, flags: int = 0) -> Expression:
    """A call gives it, compiled once; that costs 30 ns more than a global would.

    For what is asked of every text, `re.compile` is right.
    """
    return cache(lambda: re.compile(pattern, flags))
