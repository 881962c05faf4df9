"""Untrusted text made fit for sentences, and templates with optional parts."""

from __future__ import annotations

import re
from collections.abc import Mapping

LONGEST_QUOTE = 300
LONGEST_NAME = 120

_BARE = frozenset({"subject", "limit", "index", "size", "status", "place", "other", "database"})
"""Names that hold our own words, digits, or text that was quoted already."""

_SECTION = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


def one_line(text: str, longest: int = LONGEST_QUOTE) -> str:
    """Printable characters and single spaces only, cut with an ellipsis.

    Control, bidirectional and zero-width characters go: they could drive a terminal or
    show a reader something else than what is there.
    """
    head = text[: 4 * longest]
    line = " ".join("".join(char if char.isprintable() else " " for char in head).split())
    return line if len(line) <= longest and len(head) == len(text) else line[: longest - 1] + "…"


def quoted(text: str, longest: int = LONGEST_QUOTE) -> str:
    """One line in double quotes; quotes inside become single ones, so that it ends where it seems to."""
    return f'"{one_line(text, longest).replace(chr(34), chr(39))}"'


def fill(template: str, names: Mapping[str, str]) -> str:
    """The template with its `{name}` slots filled; a `[section]` with an unknown name is left out."""

    def section(match: re.Match[str]) -> str:
        return match[1] if all(name in names for name in _SLOT.findall(match[1])) else ""

    def slot(match: re.Match[str]) -> str:
        value = names[match[1]]
        return value if match[1] in _BARE else quoted(value, LONGEST_NAME)

    return _SLOT.sub(slot, _SECTION.sub(section, template))
