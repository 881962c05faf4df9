"""Charts of the benchmarks, as Mermaid reads them."""

from __future__ import annotations

import pytest

from tests.load.chart import bars


def test_a_bar_for_each_label_in_order() -> None:
    assert bars("Events", "a second", {"ours": 15_234.6, "the guide": 652.04, "none": 0.5}) == (
        "```mermaid\n"
        "xychart-beta horizontal\n"
        '  title "Events"\n'
        '  x-axis ["ours", "the guide", "none"]\n'
        '  y-axis "a second" 0 --> 16758\n'
        "  bar [15235, 652, 0.5]\n"
        "```\n"
    )


def test_an_axis_has_a_length_where_all_values_are_zero() -> None:
    assert "0 --> 1\n" in bars("Nothing", "x", {"a": 0.0})


def test_no_number_has_an_exponent() -> None:
    assert "e+" not in bars("Large", "x", {"a": 1e9, "b": 12.0})


def test_a_chart_needs_a_value() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        bars("Empty", "x", {})
