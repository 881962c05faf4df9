"""What may not survive in anything that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ACTIVE = {
    "an address": re.compile(r"[a-z][a-z0-9+.-]+://|\bwww\.\w|mailto:", re.IGNORECASE),
    "a script's address": re.compile(r"(?:java|vb)script:|\bdata:\w", re.IGNORECASE),
    "a link or an image of Markdown": re.compile(r"\]\(|!\[|^\s*\[[^\]]*\]:\s*\S*[/.]", re.MULTILINE),
    "HTML": re.compile(
        r"<(?:[a-z][\w-]*[\s/][^<>]*=|/?(?:a|img|script|b|iframe|svg|style)(?![\w.-])|!--)", re.IGNORECASE
    ),
    "a secret": re.compile(r"hunter2Xq9Zk"),
}


def what_is_active(text: str) -> list[str]:
    """Names of what a viewer, a browser or a terminal would act on."""
    found = [name for name, pattern in _ACTIVE.items() if pattern.search(text)]
    if not text.replace("\n", "").replace("\t", "").isprintable():
        found.append("a control or an invisible letter")
    return found


def strings_of(value: object) -> Iterator[str]:
    """All texts of decoded JSON, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings_of(key)
            yield from strings_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings_of(item)
