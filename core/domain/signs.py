"""What a text must hold for an expression to match in it: cheap to look for, and mostly not there."""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.expressions import Expression, expression

_LIKE_ASCII = expression(
    "[\N{LATIN SMALL LETTER LONG S}\N{LATIN SMALL LETTER DOTLESS I}\N{COMBINING DOT ABOVE}]"
)
"""Left by `str.lower` of letters that `re.IGNORECASE` takes for letters of ASCII."""


def holds_any(lowered: str, literals: Iterable[str]) -> bool:
    """A plain loop takes half the time of `any` over a generator, and is what most of a scrub consists of."""
    for literal in literals:  # noqa: SIM110
        if literal in lowered:
            return True
    return False


def looks_like_ascii(lowered: str) -> bool:
    """Whether it holds what only looks lowered: then a sign of ASCII may be missing where `re` finds it."""
    return not lowered.isascii() and _LIKE_ASCII().search(lowered) is not None


def may_match(sign: Expression, lowered: str) -> bool:
    """False: no expression that ignores case matches, if `sign` is, in lower case, in all it matches."""
    return sign().search(lowered) is not None or looks_like_ascii(lowered)
