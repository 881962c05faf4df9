"""Key phrases by counting: what is repeated, spread out, in the title, or written like a name.

After the ideas of RAKE (phrases stand between stop words) and of YAKE (a word's place, case and
spread tell its weight). YAKE itself cannot be a dependency: its licence terms are not Apache-2.0's.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.domain.project_noise import LEFT_OUT
from worker.providers.offline_text.words import UNSPACED_RUN, stem, stop_words, words_of

_LONGEST_PHRASE = 3
_SHORTEST_WORD = 2
_TITLE_BOOST = 2.5
_DESCRIPTION_BOOST = 1.5
_NAME_BOOST = 1.3
_NOUN_BOOST = 2.5
"""German writes its nouns like names, and nouns are what a tag is made of."""
_PHRASE_CHARS = 40

_PHRASE_END = re.compile(r"[.,;:!?](?=\s|$)|[()\[\]{}|<>\"“”„«»/=\n\t–—•。、！？，；：「」（）]|\s-\s")  # noqa: RUF001
_ADDRESS = re.compile(r"\S*(?:://|@\w)\S*|www\.\S+|(?<!\S)[-/~]+[\w./-]+")
_JAPANESE_WORD = re.compile(r"[\u30a1-\u30ff]{2,20}|[\u4e00-\u9fff\u3005]{2,8}")
_ELIDING = frozenset({"ca", "fr", "it"})
_CHINESE_GRAMMAR = re.compile(
    "这个|那个|每个|各个|一个|可以|通过|以及|并且|或者|如果|因为|所以|我们|他们|使用|支持|"
    "[的是在了和与及或并把被将对等为从到于以也都就而但每这那使过时中上下不会能有由向让给]"
)
_IDEOGRAPHS = range(2, 5)


@dataclass(kw_only=True, slots=True)
class _Seen:
    count: int = 0
    named: int = 0
    lines: set[int] = field(default_factory=set)
    boost: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Keywords:
    """`phrases` as the text writes them, the best first; `scores` of words (or ideographs) by stem."""

    phrases: tuple[str, ...]
    scores: dict[str, float]


def keywords_of(title: str, description: str, content: str, *, language: str, limit: int) -> Keywords:
    """At most `limit` phrases of one to three words, none of which is a part of a better one."""
    sources = ((title, _TITLE_BOOST), (description, _DESCRIPTION_BOOST), (content, 1.0))
    phrases: list[tuple[str, ...]] = []
    seen: defaultdict[str, _Seen] = defaultdict(_Seen)
    for source, boost in sources:
        for line, chunk in enumerate(_chunks(source)):
            for run in _runs(chunk, language):
                # A title's phrases count twice: elsewhere two words meet by chance, and have to meet again.
                phrases += [*_windows(run), *(_windows(run) if source is title else ())]
                for position, word in enumerate(run):
                    _count(seen[stem(word, language)], word, line, boost, is_first=not position)
    named = _NOUN_BOOST if language == "de" else _NAME_BOOST
    scores = {key: _score(found, named) for key, found in seen.items()}
    ranked = _ranked(phrases, scores, language)
    return Keywords(phrases=_different(ranked, language, limit), scores=scores)


def _chunks(text: str) -> list[str]:
    text = _ADDRESS.sub("\n", text.replace(LEFT_OUT, "\n"))
    return [chunk for chunk in _PHRASE_END.split(text) if chunk.strip()]


def _runs(chunk: str, language: str) -> Iterator[list[str]]:
    """Telling words side by side."""
    stops = stop_words(language)
    run: list[str] = []
    for word in (_bare(word, language) for word in words_of(chunk)):
        if UNSPACED_RUN.fullmatch(word):
            yield from ([part] for part in _ideographs(word, language, stops))
        elif _is_telling(word, stops):
            run.append(word)
            continue
        if run:
            yield run
        run = []
    if run:
        yield run


def _windows(run: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for length in range(1, _LONGEST_PHRASE + 1):
        for start in range(len(run) - length + 1):
            yield tuple(run[start : start + length])


def _bare(word: str, language: str) -> str:
    """`eau` of l'eau, `user` of user's; `don't` stays whole, as the lists have it."""
    word = word.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return word.rpartition("'")[2] if language in _ELIDING else word.removesuffix("'s")


def _is_telling(word: str, stops: frozenset[str]) -> bool:
    folded = word.casefold()
    return folded not in stops and _SHORTEST_WORD <= len(word) <= _PHRASE_CHARS and not folded[0].isdigit()


def _ideographs(run: str, language: str, stops: frozenset[str]) -> list[str]:
    """Japanese changes its script between words; Chinese is split where nothing but grammar stands."""
    if language == "ja":
        return [word for word in _JAPANESE_WORD.findall(run) if word not in stops]
    return [
        part[start : start + length]
        for part in _CHINESE_GRAMMAR.split(run)
        for length in _IDEOGRAPHS
        for start in range(len(part) - length + 1)
        if part[start : start + length] not in stops
    ]


def _count(seen: _Seen, word: str, line: int, boost: float, *, is_first: bool) -> None:
    seen.count += 1
    seen.named += word.isupper() or (word[0].isupper() and not is_first)
    seen.lines.add(line)
    seen.boost = max(seen.boost, boost)


def _score(seen: _Seen, name_boost: float) -> float:
    named = 1 + (name_boost - 1) * seen.named / seen.count
    return math.log2(1 + seen.count) * (1 + math.log2(len(seen.lines)) / 2) * seen.boost * named


def _ranked(
    phrases: Sequence[tuple[str, ...]], scores: dict[str, float], language: str
) -> list[tuple[str, ...]]:
    keyed = [tuple(stem(word, language) for word in phrase) for phrase in phrases]
    counts = Counter(keyed)
    spelled: dict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
    for key, phrase in zip(keyed, phrases, strict=True):
        spelled[key][phrase] += 1

    def worth(key: tuple[str, ...]) -> float:
        mean = sum(scores[part] for part in key) / len(key)
        return mean * math.log2(1 + counts[key]) * (1 + 0.5 * (len(key) - 1)) * _length(key)

    likely = [key for key in counts if len(set(key)) == len(key) and (len(key) == 1 or counts[key] > 1)]
    return [_usual(spelled[key]) for key in sorted(likely, key=worth, reverse=True)]


def _usual(spellings: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    """The most frequent one; of several the shortest, which is the least inflected."""
    return min(spellings, key=lambda spelling: (-spellings[spelling], len(" ".join(spelling))))


def _length(key: tuple[str, ...]) -> float:
    """Of equally frequent ideographs the longer ones are the word, the shorter ones its parts."""
    return len(key[0]) if len(key) == 1 and UNSPACED_RUN.fullmatch(key[0]) else 1.0


def _different(ranked: Sequence[tuple[str, ...]], language: str, limit: int) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for phrase in ranked:
        spelled = " ".join(phrase)
        if len(kept) >= limit:
            break
        if len(spelled) > _PHRASE_CHARS:
            continue
        key = f" {' '.join(stem(word, language) for word in phrase)} "
        if UNSPACED_RUN.search(spelled):
            is_part = any(_overlap(spelled, other) for other in kept.values())
        else:
            is_part = any(key in other or other in key for other in kept)
        if not is_part:
            kept[key] = spelled
    return tuple(kept.values())


def _overlap(phrase: str, other: str) -> bool:
    """Whether both are cuts through one word: 据库监 and 数据库."""
    return phrase in other or other in phrase or phrase[:2] in other or phrase[-2:] in other
