"""Which words and tags stand in a text, whatever their case, number and spelling."""

from __future__ import annotations

from core.domain.tags import comparison_key, normalise_tag
from worker.providers.offline_text.words import UNSPACED_RUN, stems, words_of

_LONGEST_TAG = 4
"""In words."""


class Occurrences:
    """A text read once, to be asked often. Whole words are found, but for Chinese and Japanese."""

    def __init__(self, text: str, language: str) -> None:
        self._language = language
        self._folded = "".join(text.casefold().split())
        self._stems = f" {' '.join(stems(text, language))} "
        self._keys = _keys(text)

    def has_phrase(self, phrase: str) -> bool:
        """Whether these words stand there side by side."""
        if UNSPACED_RUN.search(phrase):
            return "".join(phrase.casefold().split()) in self._folded
        found = stems(phrase, self._language)
        return bool(found) and f" {' '.join(found)} " in self._stems

    def has_tag(self, tag: str) -> bool:
        """The same for a tag: `nodejs` is there as `Node.js`, `machine-learning` as two words."""
        spelled = normalise_tag(tag)
        if not spelled:
            return False
        return comparison_key(spelled) in self._keys or self.has_phrase(spelled.replace("-", " "))


def _keys(text: str) -> frozenset[str]:
    words = [normalise_tag(word) for word in words_of(text)]
    return frozenset(
        comparison_key("-".join(words[start : start + length]))
        for length in range(1, _LONGEST_TAG + 1)
        for start in range(len(words) - length + 1)
    )
