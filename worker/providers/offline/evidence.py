"""Verbatim quotes: what a reader, or the code that checks quotes, finds in the event as it stands."""

from __future__ import annotations

from collections.abc import Iterator

from worker.providers.offline.facts import Facts
from worker.providers.offline.prose import LONGEST_QUOTE

_MOST_QUOTES = 4


def evidence_of(facts: Facts) -> tuple[str, ...]:
    """Up to four quotes of the message or the stack, the most telling first; none says what another says."""
    quotes: list[str] = []
    for text in _candidates(facts):
        quote = _cut(text)
        is_new = not any(quote in other for other in quotes)
        if quote and is_new and _is_verbatim(quote, facts):
            quotes.append(quote)
    return tuple(quotes[:_MOST_QUOTES])


def _candidates(facts: Facts) -> Iterator[str]:
    trace = facts.trace
    if trace.root:
        yield trace.root.header
    elif facts.stack_start:
        yield facts.stack_start
    if facts.guilty:
        yield facts.guilty.raw
        yield facts.guilty.raw.strip().partition("\n")[0]
    if trace.outermost:
        yield trace.outermost.header
    yield facts.content.message


def _cut(text: str) -> str:
    """A whole short text, or else its first line, as far as it may go."""
    text = text.strip()
    return text if len(text) <= LONGEST_QUOTE else text.splitlines()[0][:LONGEST_QUOTE].strip()


def _is_verbatim(quote: str, facts: Facts) -> bool:
    return quote in facts.content.message or quote in (facts.content.stack or "")
