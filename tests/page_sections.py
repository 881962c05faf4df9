"""Sections of a page that commands write: between `<!-- NAME:begin -->` and `<!-- NAME:end -->`."""

from __future__ import annotations

from pathlib import Path


def section(page: Path, name: str) -> str:
    """What stands between the page's markers of this name. Raises ValueError where they are not there."""
    return _parts(page, name)[1]


def replace_section(page: Path, name: str, text: str) -> None:
    """Put `text` between the page's markers of this name. Raises ValueError where they are not there."""
    before, _, after = _parts(page, name)
    page.write_text(f"{before}{text.rstrip()}\n{after}")


def _parts(page: Path, name: str) -> tuple[str, str, str]:
    """What comes before the section, with the marker; the section; and what comes after."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    before, is_begun, rest = page.read_text().partition(begin)
    inside, is_ended, after = rest.partition(end)
    if not is_begun or not is_ended:
        raise ValueError(f"{page} has no section {name}")
    return before + begin, inside, end + after
