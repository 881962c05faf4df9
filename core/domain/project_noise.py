"""What a project's text holds that tells nothing about it: badges, markup, licences, code, link lists.

Everything here is linear in its input: the patterns stop at the character that they start with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from core.domain.clean import clean_text

LEFT_OUT = "[...]"

_LONGEST_WORD = 100
"""Longer ones are keys, hashes, encoded files and minified code."""
_SHORT_CODE_LINES = 3

IDEOGRAPHS = "\u3005\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese, for a character class: they put no space between words."""
_UNSPACED = rf"{IDEOGRAPHS}\u3000-\u303f\uff00-\uffef"
_JOINED = "\u0300-\u036f\u3099\u309a\u200d\ufe00-\ufe0f"

_UNIT = re.compile(rf"\s+|[{_UNSPACED}][{_JOINED}]*|[^\s{_UNSPACED}]+")
_ENDLESS = re.compile(rf"[^\s{_UNSPACED}]{{{_LONGEST_WORD + 1},}}")
_IMAGE = re.compile(r"!\[[^\[\]\n]{0,300}\](?:\([^()\n]{0,600}\)|\[[^\[\]\n]{0,100}\])")
_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\([^()\n]{0,600}\)")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,600}>")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SPACES = re.compile(r"\s+")
_LOOSE_SIGN = re.compile(r" (?=[.,;:!?)](?!\w))")

_BULLET = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_ONLY_A_LINK = re.compile(r"(?:\[[^\[\]]{0,300}\]\([^()]{0,600}\)|<?https?://\S+?>?)\s*")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_RULER = re.compile(r"[-=_*~#|:+\s]{3,}")

_LICENCE_HEADING = re.compile(
    r"\W*(?:(?:licen[cs]es?|licen[cs]ing|copyright|lizenz|licencia|licenza|licença|licentie|лицензия|许可证?|"
    r"ライセンス|and|und|et|information|notice|authors?)\W*)+",
    re.IGNORECASE,
)
_LICENCE_TEXT = re.compile(
    r"permission is hereby granted|without warranty of any kind|redistribution and use in source|"
    r"terms and conditions for use, reproduction",
    re.IGNORECASE,
)
_LICENCE_SENTENCE = re.compile(
    r"licensed under the|released under the [\w .-]{1,40} licen[cs]e|all rights reserved|"
    r"gnu (?:lesser |affero )?general public licen|copyright (?:\(c\)|©|\d{4})",
    re.IGNORECASE,
)


def units(text: str) -> Iterator[re.Match[str]]:
    """The parts that a cut may fall between: white space, words, single ideographs with their marks."""
    return _UNIT.finditer(text)


def plain(line: str) -> str:
    """A line without images, link targets, tags and control characters; endless words become a mark."""
    if "<" in line:
        line = _TAG.sub(" ", line)
    if "](" in line or "![" in line:
        line = _LINK.sub(r" \1 ", _IMAGE.sub(" ", line))
    line = _ENDLESS.sub(f" {LEFT_OUT} ", _CONTROL.sub(" ", line))
    return _LOOSE_SIGN.sub("", _SPACES.sub(" ", line).strip())


def lines_of(text: str) -> list[str]:
    """Storable lines, without HTML comments."""
    return _without_comments(clean_text(text)).splitlines()


def _without_comments(text: str) -> str:
    kept, start = [], 0
    while (opened := text.find("<!--", start)) >= 0:
        closed = text.find("-->", opened)
        if closed < 0:
            break
        kept.append(text[start:opened])
        start = closed + len("-->")
    return " ".join([*kept, text[start:]])


def code_lines(lines: Sequence[str]) -> tuple[frozenset[int], frozenset[int]]:
    """The numbers of the lines in short code blocks, and in long ones, fences with them.

    A fence that is never closed opens nothing, or it would hide the rest of the text.
    """
    short: list[int] = []
    long: list[int] = []
    opened, mark = -1, ""
    for number, line in enumerate(lines):
        found = _FENCE.match(line)
        if not found:
            continue
        if opened < 0:
            opened, mark = number, found[1]
        elif found[1] == mark:
            block = range(opened, number + 1)
            (short if len(block) <= _SHORT_CODE_LINES + 2 else long).extend(block)
            opened = -1
    return frozenset(short), frozenset(long)


def without_bullet(line: str) -> tuple[bool, str]:
    """Whether it is an item of a list, and the line without its bullet."""
    found = _BULLET.match(line)
    return (True, line[found.end() :]) if found else (False, line)


def is_link_only(line: str) -> bool:
    """An entry of a table of contents, or a row of a table of links."""
    _, rest = without_bullet(line)
    if rest.lstrip().startswith("|"):
        return "](" in rest or "://" in rest
    return _ONLY_A_LINK.fullmatch(rest.strip()) is not None


def is_ruler(line: str) -> bool:
    return _RULER.fullmatch(line) is not None


def is_fence(line: str) -> bool:
    return _FENCE.match(line) is not None


def is_licence_heading(text: str) -> bool:
    """`License`, but not `License checker`: a project may be about licences."""
    return _LICENCE_HEADING.fullmatch(text) is not None


def is_licence(paragraph: str) -> bool:
    """Whether the paragraph is one of a licence's own text."""
    return _LICENCE_TEXT.search(paragraph) is not None


def is_licence_sentence(sentence: str) -> bool:
    """Whether it only names the licence or the owner; the paragraph around it may tell more."""
    return _LICENCE_SENTENCE.search(sentence) is not None
