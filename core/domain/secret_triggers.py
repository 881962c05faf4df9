"""Which of the many literals that vendors' keys begin with are in a text: as a rule, none."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property

from core.domain.literals import any_of
from core.domain.signs import holds_any

_ENDS = {"_live_": 10, "_test_": 10, "_": 16, ".": 16, "-": 8}
"""How most of them end, and how many letters at least follow on those that end so."""
_BEGINNINGS = ("@", "A", "E")
"""Of the others: what is rare in most texts."""


class Triggers:
    """Of the literals none begins with another, nor is there a match on fewer letters than `_ENDS` says."""

    def __init__(self, literals: Collection[str]) -> None:
        self._literals = tuple(literals)
        self._order = {literal: place for place, literal in enumerate(literals)}
        self._ending_else = [literal for literal in literals if not literal.endswith(tuple(_ENDS))]
        self._others = tuple(literal for literal in self._ending_else if not literal.startswith(_BEGINNINGS))

    # Made when the first text with any sign of a secret comes, since they take long to compile.
    @cached_property
    def _rare(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_rare_end(end, self._literals) for end in _ENDS) + tuple(
            re.compile(any_of([literal for literal in self._ending_else if literal.startswith(begin)]))
            for begin in _BEGINNINGS
        )

    @cached_property
    def _each(self) -> re.Pattern[str]:
        return re.compile(f"(?=({any_of(self._literals)}))")

    def may_match(self, text: str) -> bool:
        """False: none is in the text with as many letters behind it as a key has.

        An expression for all of them takes twice as long, and a search for each four times.
        """
        for rare in self._rare:
            if rare.search(text):
                return True
        return holds_any(text, self._others)

    def found(self, text: str) -> list[str]:
        """Those in the text, even where they overlap, in the order that they were given in."""
        return sorted(set(self._each.findall(text)), key=self._order.__getitem__)


def _rare_end(end: str, literals: Collection[str]) -> re.Pattern[str]:
    """Of the literals that end so. From their end, which is rarer than their beginnings, and looks first for
    what follows, since ordinary words go on for less."""
    of_end = (literal for literal in literals if end == next(filter(literal.endswith, _ENDS), None))
    behind = "|".join(f"(?<={re.escape(literal)})" for literal in of_end)
    return re.compile(rf"{re.escape(end)}(?=[\w./+=@-]{{{_ENDS[end]}}})(?:{behind})", re.ASCII)
