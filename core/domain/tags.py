"""Tags kept few: one spelling for what people and models write in a dozen ways.

Words are joined by hyphens, as Stack Overflow, GitHub topics and npm do: such a tag survives a URL
and a list separated by spaces or commas.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from core.domain.metadata import TagVocabulary, Wishes

LONGEST = 40

_LOOKED_AT = 400
_APOSTROPHES = str.maketrans(
    dict.fromkeys("\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}`", "'")
)
_SIGNS = frozenset(".'&+#")

_WORD = re.compile(
    r"""
    (?:(?<!\S)\.(?=[^\W\d_]))?              # .net
    (?=[^\W_]) [^\s.'&+\#]+
    (?: (?:[.'&]|\+{1,2}) (?=[^\W_]) [^\s.'&+\#]+ )*   # node.js, r&d, l'eau, c++17
    (?:\+{1,2}|\#)?                          # c++, c#
    """,
    re.VERBOSE,
)

_INNER_DOT = re.compile(r"(?<=[^\W\d_])\.(?=[^\W\d_])")
_INNER_HYPHEN = re.compile(r"(?<!\d)-|-(?!\d)")
"""Not the one between two digits: 3-1 is not 31."""

_ENDS_LIKE_A_PLURAL = """
alias atlas axis bias canvas centos chaos cosmos devops gas hermes ios iris jenkins keras kubernetes
kudos macos maths news nixos pandas paris physics postgres rails redis saas sales series species
tennis texas travis windows
"""
_NOT_PLURAL = frozenset(_ENDS_LIKE_A_PLURAL.split())
_SHORTEST_PLURAL = 4


def normalise_tag(text: str) -> str:
    """The one spelling of a tag: lower case, hyphens between words, at most 40 characters.

    `C++`, `C#`, `.NET` and `Node.js` keep their signs; `#`, quotes, brackets and trailing dots go.
    What is too long loses whole words from its end, and is "" when its first word alone is too
    long. "" as well for what holds no letter and no digit. Applying it twice changes nothing.
    """
    # Lower case and not casefold: "straße" is shown to people. comparison_key folds the rest.
    visible = "".join(c for c in text[:_LOOKED_AT] if unicodedata.category(c) != "Cf")
    spelled = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).lower())
    words = _WORD.findall("".join(map(_kept, spelled.translate(_APOSTROPHES))))
    while words and len("-".join(words)) > LONGEST:
        words.pop()
    return "-".join(words)


def _kept(character: str) -> str:
    if character in _SIGNS or unicodedata.category(character)[0] in "LMN":
        return character
    return " "


def comparison_key(tag: str) -> str:
    """Equal for spellings of one tag: `Data Bases`, `data-base` and `databases`.

    Only the last word's English plural is folded. Plurals in other languages stay apart, unless
    they too are formed by an s.
    """
    *head, last = _INNER_DOT.sub("", (normalise_tag(tag) or tag.strip()).casefold()).split("-")
    joined = _INNER_HYPHEN.sub("", "-".join([*head, singular(last)]))
    # Once more: ASP.NET and ASP .NET are one.
    return _INNER_DOT.sub("", joined)


def singular(word: str) -> str:
    """A key that an English plural and its singular share; not always a word (`caches`: `cach`).

    Leaves alone what merely ends like a plural: `aws`, `redis`, `css`, `status`, `kubernetes`.
    """
    if not (word.isascii() and word.isalpha()) or word in _NOT_PLURAL:
        return word
    if len(word) >= _SHORTEST_PLURAL and word.endswith("s") and not word.endswith(("ss", "us", "sis")):
        word = word[:-1]
    if len(word) >= _SHORTEST_PLURAL and word.endswith(("che", "she", "xe", "sse", "zze")):
        return word[:-1]
    # movies and movie, categories and category.
    return f"{word[:-2]}y" if len(word) > _SHORTEST_PLURAL and word.endswith("ie") else word


def merge_tags(tags: Iterable[str], *, known: Sequence[str] = (), limit: int) -> tuple[str, ...]:
    """The first `limit` different tags, in order; spelled as in `known` where one of those is meant.

    A known tag is returned as it stands there, even if it is not normalised: it is the spelling
    that other projects have. Of two known spellings the earlier one wins.
    """
    spellings = _spellings(known)
    merged: dict[str, str] = {}
    for tag in tags:
        if len(merged) >= limit:
            break
        if spelled := normalise_tag(tag):
            key = comparison_key(spelled)
            merged.setdefault(key, spellings.get(key, spelled))
    return tuple(merged.values())


def apply_vocabulary(tags: Iterable[str], wishes: Wishes, *, limit: int) -> tuple[str, ...]:
    """Merged tags under the owner's rule: any, existing spellings first, or nothing but existing tags."""
    if wishes.vocabulary is TagVocabulary.FREE:
        return merge_tags(tags, limit=limit)
    if wishes.vocabulary is TagVocabulary.ONLY_EXISTING:
        allowed = _spellings(wishes.existing_tags)
        tags = [tag for tag in tags if comparison_key(tag) in allowed]
    return merge_tags(tags, known=wishes.existing_tags, limit=limit)


def _spellings(known: Iterable[str]) -> dict[str, str]:
    spellings: dict[str, str] = {}
    for tag in known:
        if normalise_tag(tag):
            spellings.setdefault(comparison_key(tag), tag.strip())
    return spellings
