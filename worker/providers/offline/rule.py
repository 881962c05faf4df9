"""One row of the offline analyser's knowledge, and how a row is found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from core.domain.analysis import Category

_LONGEST_TEXT = 2_000


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A kind of failure: how it is recognised, what it means, and what to do first.

    `patterns` are searched in `Type: message`, whatever the case. Their named groups fill the
    slots of `cause`, `fix` and `unknown`; see `prose.fill` for the templates.
    `vague` rows only count where no other row fits.
    """

    category: Category
    patterns: tuple[str, ...]
    cause: str
    fix: tuple[str, ...]
    unknown: str | None = None
    vague: bool = False

    @cached_property
    def compiled(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern, re.IGNORECASE | re.ASCII) for pattern in self.patterns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """A rule that fits, and the names that its pattern pulled out of the text."""

    rule: Rule
    names: dict[str, str]


def recognise(rules: Iterable[Rule], texts: Iterable[str]) -> Recognised | None:
    """The first rule that fits the first text that any fits: texts come with the root cause first."""
    rules, texts = tuple(rules), tuple(text[:_LONGEST_TEXT] for text in texts)
    for vague in (False, True):
        for text in texts:
            for rule in rules:
                if rule.vague is vague and (found := _fit(rule, text)):
                    return found
    return None


def _fit(rule: Rule, text: str) -> Recognised | None:
    for pattern in rule.compiled:
        if match := pattern.search(text):
            names = {name: value for name, value in match.groupdict().items() if value}
            return Recognised(rule=rule, names=names)
    return None
