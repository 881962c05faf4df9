"""Names that tell one group from another, and are found again in the prompt that a model was sent."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_SYLLABLES = tuple(first + second for first in _CONSONANTS for second in _VOWELS)
_LENGTH = 4

_MARK = re.compile(rf"\bquay-((?:[{_CONSONANTS}][{_VOWELS}]){{{_LENGTH}}})\b")


def words() -> Iterator[str]:
    """Letters only: numbers and ids are placeholders to a fingerprint, and would all be one group."""
    for syllables in itertools.product(_SYLLABLES, repeat=_LENGTH):
        yield "".join(syllables)


def marked(word: str) -> str:
    """The word as it stands in an event or a project's text."""
    return f"quay-{word}"


def word_in(text: str) -> str | None:
    """The first marked word of a text."""
    found = _MARK.search(text)
    return found.group(1) if found else None
