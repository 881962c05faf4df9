"""Sections of a page that commands write: between `<!-- NAME:begin -->` and `<!-- NAME:end -->`."""

from __future__ import annotations

from pathlib import Path


def replace_section(page: Path, name: str, text: str) -> None:
    """Put `text` between the page's markers of this name. Raises ValueError where they are not there."""
    before, begin, rest = page.read_text().partition(f"<!-- {name}:begin -->\n")
    _old, end, after = rest.partition(f"<!-- {name}:end -->")
    if not begin or not end:
        raise ValueError(f"{page} has no section {name}")
    page.write_text(f"{before}{begin}{text.rstrip()}\n{end}{after}")
