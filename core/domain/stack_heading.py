"""Stacks that differ in what their first line says, and in nothing else.

Node and the JVM repeat an error's message there, with its ids and amounts: such a stack never comes twice,
but what is below its first line does, and all of its frames are there.
"""

from __future__ import annotations

from typing import NamedTuple

from core.domain.stack_reading import StackReading, reading_of
from core.domain.stacktrace import Language, parse
from core.domain.stacktrace.headers import split_error_header
from core.domain.stacktrace.parse import language_of_line
from core.domain.stacktrace.text import MAX_LINE

STAND_IN = "\N{OBJECT REPLACEMENT CHARACTER}"
"""In place of what a first line says."""
_HEADED = frozenset({Language.JAVASCRIPT, Language.JAVA})
"""Their readers take a first line that is no frame, and has no mark, for a header and nothing else."""


class HeadedStack(NamedTuple):
    """`stand_in` is a stack as if its first line said STAND_IN; `said` is what it does say."""

    stand_in: str
    said: str


def headed(stack: str) -> HeadedStack | None:
    """None: nothing is below its first line, or that may be more than an error's type and message."""
    first, _, below = stack.partition("\n")
    named = split_error_header(first) if below and len(first) < MAX_LINE else None
    if named is None or not named[1] or first != f"{named[0]}: {named[1]}":
        return None
    if STAND_IN in stack or language_of_line(first) is not None:
        return None
    return HeadedStack(f"{named[0]}: {STAND_IN}\n{below}", named[1])


def read_below(stand_in: str) -> StackReading | None:
    """What is told by all stacks with that stand-in, but that some say something else in place of STAND_IN.

    None: what they say may matter for more than the beginning of `said`.
    """
    trace = parse(stand_in)
    if trace.language not in _HEADED or language_of_line(stand_in.partition("\n")[0]) is not None:
        return None
    reading = reading_of(trace)
    if not reading.tells_all or any(STAND_IN in part for part in reading.parts if part):
        return None
    return reading
