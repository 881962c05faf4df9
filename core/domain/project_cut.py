"""A project's text cut to what a model has to see, and the hash of all that decides its answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain import project_noise as noise
from core.domain.metadata import ProjectText, Wishes
from core.domain.project_noise import LEFT_OUT
from core.domain.project_pieces import Piece, Rank, split

LIMIT = 4_000
"""Characters, about 1,000 tokens: enough to tell what a project is, and a bound for its cost."""

_LABELS = ("title: ", "description: ", "content:\n")
_TITLE_LOOKED_AT = 2_000
_DESCRIPTION_LOOKED_AT = 40_000
_TITLE_CHARS = 300
_HEADING_SHARE = 3
_MARK = f"\n{LEFT_OUT}\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """The kept parts, cleaned. A line of `[...]` in `content` stands for what is left out there."""

    title: str
    description: str
    content: str


def informative_cut(text: ProjectText, *, limit: int = LIMIT) -> str:
    """Title, description and content under labels, at most `limit` characters with these.

    No word is broken; one of more than 100 characters is left out. Headings, the beginning, the
    end, and the first sentences of sections and paragraphs are kept before the rest.
    """
    cut = cut_parts(text, limit=limit)
    parts = zip(_LABELS, (cut.title, cut.description, cut.content), strict=True)
    return "\n".join(f"{label}{part}" for label, part in parts if part)


def cut_parts(text: ProjectText, *, limit: int = LIMIT) -> Cut:
    """The same, as parts without labels."""
    left = limit
    kept: list[str] = []
    sources = (
        _one_line(text.title, _TITLE_LOOKED_AT),
        _one_line(text.description, _DESCRIPTION_LOOKED_AT),
    )
    # A long description leaves half of the room to the content, a long title most of it to both.
    shares = (min(_TITLE_CHARS, limit // 2), limit // 2 if text.content.strip() else limit)
    for label, source, share in zip(_LABELS[:2], sources, shares, strict=True):
        part = clip(source, min(share, left - len(label)))
        left -= len(label) + len(part) + 1 if part else 0
        kept.append(part)
    return Cut(title=kept[0], description=kept[1], content=_content(text.content, left - len(_LABELS[2])))


def clip(text: str, limit: int) -> str:
    """The text, or its beginning up to a word's end and a mark: at most `limit` characters."""
    if len(text) <= limit:
        return text
    room, end = limit - len(LEFT_OUT) - 1, 0
    if limit < len(LEFT_OUT):
        return ""
    for unit in noise.units(text):
        if unit.end() > room:
            break
        end = unit.end()
    return f"{text[:end].strip()} {LEFT_OUT}".strip()


def content_hash(text: ProjectText, wishes: Wishes, *, version: str) -> str:
    """SHA-256 (hex) of what decides the answer: the cut, the text's language, the wishes, the prompt.

    Of the vocabulary only its mode counts. Its tags are other projects' and grow all the time: if
    they counted, each new tag anywhere would have every project described anew.
    """
    deciding = [
        version,
        informative_cut(text),
        text.language,
        wishes.vocabulary,
        wishes.output_language,
        wishes.instructions,
    ]
    return hashlib.sha256(json.dumps(deciding).encode()).hexdigest()


def _one_line(text: str, looked_at: int) -> str:
    seen = text[:looked_at]
    if len(text) > looked_at and not text[looked_at].isspace():
        seen = f"{(seen.rsplit(maxsplit=1) or [''])[0]} {LEFT_OUT}"
    return noise.plain(" ".join(noise.lines_of(seen)))


def _content(content: str, limit: int) -> str:
    if limit < len(_MARK):
        return ""
    pieces = split(content)
    if not any(piece.rank < Rank.NEVER for piece in pieces):
        # Nothing but what is noise elsewhere: a project that is a licence, or a list of links.
        return clip(_one_line(content, _DESCRIPTION_LOOKED_AT), limit)
    everything = frozenset(n for n, piece in enumerate(pieces) if piece.rank is not Rank.NEVER)
    whole = _joined(pieces, everything)
    return whole if len(whole) <= limit else _joined(pieces, _chosen(pieces, limit))


def _chosen(pieces: Sequence[Piece], limit: int) -> frozenset[int]:
    """The best pieces that fit. Each costs its text, and the marks that it makes or saves."""
    kept: set[int] = set()
    last = len(pieces) - 1
    left = limit - len(_MARK)
    headings = limit // _HEADING_SHARE
    for number in sorted(range(len(pieces)), key=lambda n: pieces[n].rank):
        piece = pieces[number]
        neighbours = (number == 0 or number - 1 in kept) + (number == last or number + 1 in kept)
        cost = len(piece.text) + 1 + (1 - neighbours) * len(_MARK)
        if piece.rank is Rank.NEVER or cost > left:
            continue
        if piece.rank is Rank.HEADING:
            if cost > headings:
                continue
            headings -= cost
        kept.add(number)
        left -= cost
    return frozenset(kept)


def _joined(pieces: Sequence[Piece], kept: frozenset[int]) -> str:
    parts: list[str] = []
    missing = False
    for number, piece in enumerate(pieces):
        if number not in kept:
            missing = True
            continue
        parts += [_MARK if missing else piece.glue, piece.text]
        missing = False
    return "".join([*parts, _MARK] if missing else parts).strip("\n")
