"""Secrets in lists of strings: a name and then its value, as raw headers and command lines have them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from core.domain.expressions import expression
from core.domain.secret_names import is_secret_name
from core.domain.secret_pairs import BREAKS, MASK, QUOTED, mask_values

_PAIR = expression(
    r"""[(\[]\s*+[bu]?\\*+["']([\w.:\[\] -]{1,100}+)(\\*+["']\s*+,\s*+)(?=[bu]?\\*+["'])""", re.ASCII
)
_PAIR_VALUE = expression(rf"""(?:{QUOTED})(?!\s*+,\s*+[bu]?\\*+["'])""", re.VERBOSE)
"""`('Cookie', '…')` is a pair of a name and its value; a longer list may be one of names."""

_ITEM = expression(
    r"""(?<![\w\\\]])[bu]?\\*+["'](-{0,2}[A-Za-z][\w.-]{0,99}+)(\\*+["']\s*+,\s*+)(?=[bu]?\\*+["'])""",
    re.ASCII,
)
_ITEM_VALUE = expression(f"(?:{QUOTED})", re.VERBOSE)

_LISTED = expression(r""",\s*+[bu]?\\*+["']""", re.ASCII)
"""Between a name and its value in whatever `_PAIR` and `_ITEM` match."""

_OPENED = expression(r"""["']([\w.-]{1,100}+)(["'][ \t]*+(?:=>|:)[ \t]*+\[[ \t]*+\r?\n)""", re.ASCII)
_LINES = expression(rf"""(?:[ \t]*+(?:"[^"{BREAKS}]*+"|'[^'{BREAKS}]*+'),?+[ \t]*+\r?\n)++""")
_LINE_TEXT = expression(r"""^([ \t]*+["']).*(["'],?+[ \t]*+\r?)$""", re.MULTILINE)
"""A list under a secret name, printed one string a line."""

_HEADERS = frozenset(["cookie", "authorization"])
_LIKE_A_NAME = expression(r"[A-Za-z]+(?:-[A-Za-z]+)*")


def scrub_lists(text: str) -> str:
    """Pairs, flat lists of headers, arguments, and lists of secrets. For texts with parts of their names."""
    if ("'," in text or '",' in text) and _LISTED().search(text):
        text = mask_values(text, _PAIR, _PAIR_VALUE)
        text = mask_values(text, _ITEM, _ITEM_VALUE, is_wanted=_is_followed, is_kept=_is_a_name)
    return _scrub_opened(text) if "[\n" in text or "[\r\n" in text else text


def masked_places(items: Sequence[object]) -> frozenset[int]:
    """Indices of those strings of a list that are the value of the name before them."""
    return frozenset(
        index
        for index, (before, item) in enumerate(pairwise(items), start=1)
        if isinstance(before, str)
        and isinstance(item, str)
        and names_next(before)
        and not _goes_on(before, item)
    )


def names_next(text: str) -> bool:
    """Whether a list's next item is this one's value: a header's name or an option, but no mere word."""
    return ("-" in text or text.lower() in _HEADERS) and len(text) <= 100 and is_secret_name(text)


def _is_followed(_: str, match: re.Match[str]) -> bool:
    return names_next(match[1])


def _is_a_name(_: str, match: re.Match[str], value: str) -> bool:
    return _goes_on(match[1], value.lstrip("bu").strip("\\\"'"))


def _goes_on(name: str, item: str) -> bool:
    """Whether the item is no value: the next option, or a name as in `['Authorization', 'Content-Type']`."""
    if not item:
        return True
    return item.startswith("-") if name.startswith("-") else _LIKE_A_NAME().fullmatch(item) is not None


def _scrub_opened(text: str) -> str:
    parts: list[str] = []
    done = 0
    for match in _OPENED().finditer(text):
        if match.end() < done or not is_secret_name(match[1]):
            continue
        lines = _LINES().match(text, match.end())
        if lines is not None:
            parts += (text[done : match.end()], _LINE_TEXT().sub(rf"\1{MASK}\2", lines[0]))
            done = lines.end()
    return "".join(parts) + text[done:] if parts else text
