"""The sentences of a cut text, and those that tell most of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.domain.project_cut import Cut
from core.domain.project_noise import LEFT_OUT
from worker.providers.offline_text.words import UNSPACED_RUN, stem, words_of

_MOST = 3
_CHARS = 600
_FEWEST_WORDS = 4
_FEWEST_IDEOGRAPHS = 8
_TELLING_WORDS = 25
"""Beyond so many words a sentence gains nothing by being longer."""

_ALIKE = 0.7

_MARKUP = re.compile(r"^\s*(?:[-*+•>]|\d{1,3}[.)])\s+|[*`]+|(?<!\w)_+|_+(?!\w)")
_ENDS = re.compile("[.!?。！？…][\"'»”’)）\\]]*$")  # noqa: RUF001


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """`weight` says how much its place promises: a description tells more than a late paragraph."""

    text: str
    weight: float


def sentences_of(cut: Cut, language: str) -> list[Sentence]:
    """In order: the description's, then the content's without headings, rows and marks."""
    import sentencex  # type: ignore[import-untyped]  # noqa: PLC0415

    found = []
    for source, start in ((cut.description, 2.0), (cut.content, 1.5)):
        lines = (_MARKUP.sub("", line) for line in source.splitlines() if not line.startswith(("#", "|")))
        texts = [
            text
            for line in lines
            for part in line.split(LEFT_OUT)
            for text in (sentence.strip() for sentence in sentencex.segment(language, part))
            if text
        ]
        found += [Sentence(text=text, weight=_weight(start, n)) for n, text in enumerate(texts)]
    return found


def _weight(start: float, position: int) -> float:
    return max(start - 0.25 * position, 0.5)


def telling(sentences: Iterable[Sentence], scores: Mapping[str, float], language: str) -> str:
    """One to three sentences in their own order, at most 600 characters; "" where none is one.

    `scores` has the weights of words, by stem.
    """
    candidates = [sentence for sentence in sentences if _is_sentence(sentence.text)]
    ranked = sorted(
        range(len(candidates)), key=lambda n: _score(candidates[n], scores, language), reverse=True
    )
    chosen: list[int] = []
    left = _CHARS
    for number in ranked:
        cost = len(candidates[number].text) + 1
        is_new = not any(_is_like(candidates[number].text, candidates[other].text) for other in chosen)
        if cost <= left and is_new and len(chosen) < _MOST:
            chosen.append(number)
            left -= cost
    joint = "" if language in {"zh", "ja"} else " "
    return joint.join(candidates[number].text for number in sorted(chosen))


def _is_like(text: str, other: str) -> bool:
    """Whether it says much the same, as a README's first sentence and a description do."""
    words, others = set(words_of(text.casefold())), set(words_of(other.casefold()))
    return len(words & others) > _ALIKE * min(len(words), len(others))


def _is_sentence(text: str) -> bool:
    if not _ENDS.search(text):
        return False
    ideographs = sum(len(run) for run in UNSPACED_RUN.findall(text))
    return len(words_of(text)) >= _FEWEST_WORDS or ideographs >= _FEWEST_IDEOGRAPHS


def _score(sentence: Sentence, scores: Mapping[str, float], language: str) -> float:
    runs = UNSPACED_RUN.findall(sentence.text)
    if runs:
        found = sum(score for phrase, score in scores.items() if phrase in sentence.text)
        return sentence.weight * found / math.sqrt(len(sentence.text))
    words = words_of(sentence.text)
    different = {stem(word, language) for word in words}
    found = sum(scores.get(word, 0.0) for word in different)
    return sentence.weight * found * _length_factor(len(words))


def _length_factor(words: int) -> float:
    return math.sqrt(math.sqrt(min(words, _TELLING_WORDS)) / max(words, 1))
