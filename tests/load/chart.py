"""A bar chart that GitHub draws out of a page's own text."""

from __future__ import annotations

from collections.abc import Mapping

_SPARE = 1.1
"""Of the axis above the highest bar."""


def bars(title: str, unit: str, values: Mapping[str, float]) -> str:
    """A Mermaid block: one bar for each label, from the top down. Raises ValueError without values.

    `unit` stands at the axis of values, which begins at 0. Bars lie, since labels are longer than bars are
    wide; they may not hold quotation marks.
    """
    if not values:
        raise ValueError("a chart needs a value")
    labels = ", ".join(f'"{label}"' for label in values)
    heights = ", ".join(_number(value) for value in values.values())
    top = max(values.values()) * _SPARE or 1.0
    return (
        "```mermaid\n"
        "xychart-beta horizontal\n"
        f'  title "{title}"\n'
        f"  x-axis [{labels}]\n"
        f'  y-axis "{unit}" 0 --> {_number(top)}\n'
        f"  bar [{heights}]\n"
        "```\n"
    )


def _number(value: float) -> str:
    """Three digits, and never an exponent, which Mermaid does not read."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
