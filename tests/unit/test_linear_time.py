"""Four times the text takes about four times the processor time, for all that reads texts of clients."""

from __future__ import annotations

import re

import pytest

from tests.linear import Shape, growth
from tests.near_matches import shapes_of
from tests.readers import READERS, Reader

LARGEST = 65_536
"""A sixteenth of the largest body, so that all of them take seconds; `make fuzz` goes to the whole."""


@pytest.mark.timeout(600)
@pytest.mark.heavy
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_cost_grows_as_the_text_does(reader: Reader) -> None:
    steep = [
        (shape, found)
        for shape in reader.shapes()
        if (found := growth(reader.run, shape, largest=LARGEST)) is not None
    ]
    assert steep == []


def test_the_measure_finds_what_is_quadratic() -> None:
    """Else it would find nothing anywhere."""

    def every_end(text: str) -> list[int]:
        return [text.count("b", start) for start in range(0, len(text), 8)]

    found = growth(every_end, Shape(unit="a"), largest=LARGEST)
    assert found is not None
    assert found.ratio > 8


def test_near_matches_lead_into_an_expression() -> None:
    shapes = shapes_of([re.compile(r"(?:ab|c)=\s*x{3,}(?=y)[^z\n]*!$")])
    assert Shape(unit="ab= xxxa!") in shapes
    assert Shape(unit="x", head="ab= ", tail="\x00") in shapes
    assert Shape(unit="a", head="ab= xxx", tail="\x00") in shapes
