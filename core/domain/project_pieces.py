"""A long text as pieces in its own order, each with how much it tells of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from core.domain import project_noise as noise

_HEAD = 96_000
_TAIL = 32_000
"""What is looked at: a text of 10 MB is told by its ends as well, in the time of 128,000 characters."""

_LONGEST_PIECE = 500
_LONGEST_HEADING = 120
_OPENING_PIECES = 4
_ENDING_PIECES = 2

_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(?=\S)")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})\s*")
_SENTENCE_END = re.compile(r"[.!?]\s+\Z|[。！？]\Z")  # noqa: RUF001


class Rank(IntEnum):
    """What is kept first."""

    OPENING = 0
    HEADING = 1
    SECTION = 2
    """A section's first sentence."""
    ENDING = 3
    FIRST = 4
    """A paragraph's first sentence, a list's item."""
    REST = 5
    DATA = 6
    """Rows of a table, short code."""
    NEVER = 7
    """Left out, and marked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """`glue` stands before the text where the piece before it is kept too."""

    text: str
    rank: Rank
    glue: str = "\n"


_GAP = Piece(text="", rank=Rank.NEVER)


def split(content: str) -> list[Piece]:
    """The pieces of what is looked at, without repetitions. Two NEVER never stand side by side."""
    head, tail = _ends(content)
    found = [*_pieces(head), *([_GAP, *_pieces(tail)] if tail else [])]
    return _ranked(_once(found))


def _ends(content: str) -> tuple[str, str]:
    """Its first and its last part, neither of which begins or ends within a word."""
    if len(content) <= _HEAD + _TAIL:
        return content, ""
    head = content[:_HEAD].rsplit(maxsplit=1)
    tail = content[-_TAIL:].split(maxsplit=1)
    return head[0] if head else "", tail[-1] if tail else ""


def _once(pieces: Iterable[Piece]) -> Iterator[Piece]:
    seen: set[str] = set()
    was_gap = False
    for piece in pieces:
        is_gap = piece.rank is Rank.NEVER
        key = piece.text.casefold()
        if not (is_gap and was_gap) and (is_gap or key not in seen):
            seen.add(key)
            yield piece
            was_gap = is_gap


def _ranked(pieces: Iterable[Piece]) -> list[Piece]:
    found = list(pieces)
    prose = [n for n, piece in enumerate(found) if Rank.SECTION <= piece.rank <= Rank.REST]
    for number in prose[-_ENDING_PIECES:]:
        found[number] = replace(found[number], rank=Rank.ENDING)
    for number in prose[:_OPENING_PIECES]:
        found[number] = replace(found[number], rank=Rank.OPENING)
    return found


def _pieces(text: str) -> Iterator[Piece]:
    after_heading = True
    in_licence = False
    for kind, words in _blocks(noise.lines_of(text)):
        if kind is Rank.HEADING:
            in_licence = noise.is_licence_heading(words)
            after_heading = True
            if not in_licence:
                yield Piece(text=words, rank=Rank.HEADING)
        elif kind is Rank.NEVER or in_licence or noise.is_licence(words):
            yield _GAP
        else:
            first = Rank.SECTION if after_heading and kind is Rank.FIRST else kind
            after_heading = after_heading and kind is not Rank.FIRST
            yield from _sentences(words, first)


def _blocks(lines: Sequence[str]) -> Iterator[tuple[Rank, str]]:
    """Headings, paragraphs, items, rows and gaps, by the rank that their first sentence has."""
    short_code, long_code = noise.code_lines(lines)
    paragraph: list[str] = []
    for number, line in enumerate(lines):
        if number in long_code:
            kind, words = Rank.NEVER, ""
        elif number in short_code:
            kind, words = Rank.DATA, "" if noise.is_fence(line) else noise.plain(line)
        elif len(paragraph) == 1 and _UNDERLINE.fullmatch(line) and len(paragraph[0]) <= _LONGEST_HEADING:
            kind, words = Rank.HEADING, paragraph.pop()
        else:
            kind, words = _read(line)
        if kind is Rank.REST and words:
            paragraph.append(words)
            continue
        if paragraph:
            yield Rank.FIRST, " ".join(paragraph)
            paragraph = []
        if words or kind is Rank.NEVER:
            yield kind, words
    if paragraph:
        yield Rank.FIRST, " ".join(paragraph)


def _read(line: str) -> tuple[Rank, str]:
    """A line outside of code; REST for one of a paragraph, with "" where the paragraph ends."""
    if not line.strip() or noise.is_ruler(line):
        return Rank.REST, ""
    if noise.is_link_only(line):
        return Rank.NEVER, ""
    words = noise.plain(line)
    if _HEADING.match(line) and len(words) <= _LONGEST_HEADING:
        return Rank.HEADING, words
    if line.lstrip().startswith("|"):
        return Rank.DATA, words
    return Rank.FIRST if noise.without_bullet(line)[0] else Rank.REST, words


def _sentences(words: str, first: Rank) -> Iterator[Piece]:
    rank, glue = first, "\n"
    for part in _parts(words):
        text = part.strip()
        glue = " " if not glue and part[0].isspace() else glue
        if not text.replace(noise.LEFT_OUT, "").strip() or noise.is_licence_sentence(text):
            yield _GAP
        else:
            yield Piece(text=text, rank=rank, glue=glue)
        rank = max(first, Rank.REST)
        glue = " " if part[-1].isspace() else ""


def _parts(words: str) -> Iterator[str]:
    """Its sentences with the white space after them, those of over 500 characters in parts.

    `words` holds single spaces only, and none at its ends.
    """
    start = end = 0
    for unit in noise.units(words):
        is_full = unit.end() - start > _LONGEST_PIECE and not unit[0].isspace()
        if end > start and (is_full or _SENTENCE_END.search(words, max(start, end - 2), end)):
            yield words[start:end]
            start = end
        end = unit.end()
    if end > start:
        yield words[start:end]
