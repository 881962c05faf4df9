"""What a model wrote, made safe to show: one line of text without markup, links and control characters."""

from __future__ import annotations

import re
import unicodedata

from core.domain.tags import normalise_tag

_IMAGE = re.compile(r"!\[[^\[\]]*\](?:\([^()]*\)|\[[^\[\]]*\])")
_LINK = re.compile(r"\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_ADDRESS = re.compile(
    r"<?\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.|mailto:|javascript:|data:(?=\w))[^\s<>]*>?", re.IGNORECASE
)
_TAG = re.compile(r"<[/!?a-zA-Z][^<>]*>")
_OPENED = re.compile(r"<+(?=[/!?a-zA-Z])")
_SPACES = re.compile(r"\s+")
_LOOSE_SIGN = re.compile(r"\s+(?=[.,;:!?](?:\s|$))")

_ROUNDS = 5
"""What is removed can join what stood around it into new markup: <<b>script>."""

_NO_CATEGORY = "other"
_CATEGORY_WORDS = 3


def plain_text(text: str) -> str:
    """The words alone. Of a link its text stays, of an image nothing; `a < b` is no tag and stays too."""
    text = "".join(" " if _is_control(character) else character for character in text)
    for _ in range(_ROUNDS):
        before = text
        text = _LINK.sub(r"\1", _IMAGE.sub("", text))
        text = _TAG.sub("", _ADDRESS.sub("", text))
        if text == before:
            break
    return _OPENED.sub("", _LOOSE_SIGN.sub("", _SPACES.sub(" ", text))).strip()


_HTML_TAG = re.compile(
    r"</?(?:a|abbr|audio|base|body|br|button|div|embed|form|h[1-6]|head|html|iframe|img|input|link|meta|object"
    r"|p|script|source|span|style|svg|table|td|textarea|tr|video)(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)


def inert_text(text: str) -> str:
    """Lines of prose about code: links, addresses, images and HTML go, `Map<String, Order>` stays."""
    for _ in range(_ROUNDS):
        before = text
        text = _LINK.sub(r"\1", _IMAGE.sub("", text))
        text = _HTML_TAG.sub("", _ADDRESS.sub("", text))
        if text == before:
            break
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _is_control(character: str) -> bool:
    """Those too that turn the direction of the text around, which can make it read as something else."""
    return (
        unicodedata.category(character) == "Cc"
        or character in "\u061c\u200b\u200e\u200f\u2028\u2029\ufeff"
        or ("\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069")
    )


def plain_category(text: str) -> str:
    """One to three words in lower case; `other` where nothing is left."""
    words = normalise_tag(plain_text(text)).split("-")[:_CATEGORY_WORDS]
    return " ".join(words) or _NO_CATEGORY
