"""What a text must hold for an expression to match in it: cheap to look for, and mostly not there."""

from __future__ import annotations

import re

_LIKE_ASCII = re.compile(
    "[\N{LATIN SMALL LETTER LONG S}\N{LATIN SMALL LETTER DOTLESS I}\N{COMBINING DOT ABOVE}]"
)
"""Left by `str.lower` of letters that `re.IGNORECASE` takes for letters of ASCII."""


def may_match(sign: re.Pattern[str], lowered: str) -> bool:
    """False: no expression that ignores case matches, if `sign` is, in lower case, in all it matches."""
    if sign.search(lowered):
        return True
    return not lowered.isascii() and _LIKE_ASCII.search(lowered) is not None
