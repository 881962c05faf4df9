"""Text from strangers: what is shown of it to models and people, and what it stands between.

What a reader does not see, or what a server could take for its own, must not be in it: invisible letters
carry orders past the people who look, and control tokens end a message where a model's server reads text for
tokens.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Persian and emoji need them."""
_INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0\u17b4\u17b5"
_HIDDEN_VARIATIONS = range(0xE0100, 0xE01F0)
_KEPT_CONTROLS = "\n\t"

_CONTROL_TOKEN = re.compile(
    r"<(?=[|\N{FULLWIDTH VERTICAL LINE}][^<>\n]{1,60}[|\N{FULLWIDTH VERTICAL LINE}]>)"
    r"|<(?=/?(?:s|start_of_turn|end_of_turn|bos|eos)>)"
    r"|<(?=</?SYS>>)|\[(?=/?INST\])",
    re.IGNORECASE,
)
_LOOKS_LIKE_A_BOUNDARY = re.compile(
    r"\s*([^\w\s])\1{2,}\s*\S{1,20}\s+[0-9a-f]{4,}\s*\1{3,}\s*", re.IGNORECASE
)
_LONGEST_BOUNDARY = 120


def visible(text: str) -> str:
    """The text without letters that nobody sees; `\\r\\n` is `\\n`, other controls are blanks."""
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(_seen(character) for character in text)


def _seen(character: str) -> str:
    if character in _KEPT_CONTROLS or character.isprintable():
        is_hidden = character in _INVISIBLE_LETTERS or ord(character) in _HIDDEN_VARIATIONS
        return "" if is_hidden else character
    if character in _JOINERS:
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


def shown(text: str) -> str:
    """What a model sees of it: `visible`, and the control tokens of chat formats broken by a blank."""
    return _CONTROL_TOKEN.sub(lambda match: f"{match[0]} ", visible(text))


def boundary(kind: str, *parts: str) -> str:
    """A line that whoever wrote the parts could not know: it holds their hash."""
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"====={kind} {digest[:16]}====="


def fenced(text: str, line: str) -> str:
    """The text between two such lines. Nothing in it looks like one, in whatever letters."""
    return f"{line}\n{without_boundaries(text)}\n{line}"


def without_boundaries(text: str) -> str:
    """No event knows its own boundary, but one that looks alike could make a model doubt which is real."""
    return "\n".join("[a line that looks like a boundary]" if _is_forged(x) else x for x in text.split("\n"))


def _is_forged(line: str) -> bool:
    if len(line) > _LONGEST_BOUNDARY:
        return False
    return _LOOKS_LIKE_A_BOUNDARY.fullmatch(unicodedata.normalize("NFKC", line)) is not None
