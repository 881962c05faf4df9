"""Secrets inside base64: `user:password`, SASL's PLAIN, and JSON that holds them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from core.domain.expressions import expression
from core.domain.secret_pairs import MASK

_TOKEN = re.compile(
    r"\b(?<![+/=-])(?:[A-Za-f][A-Za-z0-9+/_-]{3}){3,16384}+[A-Za-z0-9+/_-]{0,3}={0,2}(?![\w+/=-])", re.ASCII
)
"""Each three bytes of ASCII begin with one of the first 32 letters, which few other words do."""
_SHORTEST = 12
_TO_STANDARD = str.maketrans("-_", "+/")
_WITHOUT_BREAKS = str.maketrans("", "", "\n\r\t")
_USER_PASSWORD = expression(r"[\w.@+-]{2,64}:(?=[^ ]{0,99}\d)[!-~]{4,100}", re.ASCII)
_SASL_PLAIN = expression(r"[ -~]{0,100}\0[ -~]{1,100}\0[ -~]{1,100}")


def may_hold_base64(text: str) -> bool:
    """The same for all texts that differ in digits only. False: `scrub_base64` leaves it as it is."""
    return len(text) >= _SHORTEST and _TOKEN.search(text) is not None


def scrub_base64(text: str, scrub: Callable[[str], str]) -> str:
    """Words that decode to text in which `scrub` finds a secret go whole. One layer, not more."""
    if len(text) < _SHORTEST:
        return text
    return _TOKEN.sub(lambda match: MASK if _hides_secret(match[0], scrub) else match[0], text)


def _hides_secret(word: str, scrub: Callable[[str], str]) -> bool:
    bare = word.rstrip("=")
    if len(bare) % 4 == 1:
        return False
    try:
        decoded = base64.b64decode(bare.translate(_TO_STANDARD) + "=" * (-len(bare) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    if _SASL_PLAIN().fullmatch(decoded):
        return True
    # What is no text is a word or an id that happens to be of base64's alphabet.
    if not decoded.translate(_WITHOUT_BREAKS).isprintable():
        return False
    return _USER_PASSWORD().fullmatch(decoded) is not None or scrub(decoded) != decoded
