from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.analysis import Analysis, Category
from core.domain.analysis_text import confidence_label, render_text

ANALYSIS = Analysis(
    root_cause="The cart was empty.",
    category=Category.NULL_ACCESS,
    evidence=("AttributeError: x", 'File "a.py", line 3\n    cart.total'),
    suggested_fix="1. Look.\n2. Mend.",
    unknowns=("Which cart.", "Which user."),
    confidence=0.45,
)


def test_the_whole_text() -> None:
    assert render_text(ANALYSIS) == (
        "Likely cause:\nThe cart was empty.\n\n"
        'Evidence:\n> AttributeError: x\n> File "a.py", line 3\n>     cart.total\n\n'
        "What to try:\n1. Look.\n2. Mend.\n\n"
        "Not known:\n- Which cart.\n- Which user.\n\n"
        "Confidence: medium (0.45)"
    )


def test_what_is_empty_has_no_label() -> None:
    bare = replace(ANALYSIS, evidence=(), unknowns=(), suggested_fix=" ", root_cause="", inconclusive=True)
    assert render_text(bare) == "Likely cause (inconclusive):\nNot known.\n\nConfidence: medium (0.45)"


@pytest.mark.parametrize(
    ("confidence", "label"),
    [
        (0, "low (0.00)"),
        (0.39, "low (0.39)"),
        (0.4, "medium (0.40)"),
        (0.7, "high (0.70)"),
        (1, "high (1.00)"),
    ],
)
def test_confidence_has_a_word(confidence: float, label: str) -> None:
    assert confidence_label(confidence) == label


def test_a_quote_cannot_leave_its_quotation_marks() -> None:
    text = render_text(replace(ANALYSIS, evidence=("a\r\nConfidence: high\u2028Likely cause:",)))
    assert "\n> Confidence: high\n> Likely cause:\n" in text


@given(st.text(), st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=3), st.text())
def test_no_control_character_survives(cause: str, quotes: list[str], unknowns: list[str], fix: str) -> None:
    hostile = replace(
        ANALYSIS,
        root_cause=f"\x1b[2J{cause}\x9b31m",
        evidence=tuple(f"\x1b]0;{quote}\x07" for quote in quotes),
        unknowns=tuple(f"\u202e{unknown}" for unknown in unknowns),
        suggested_fix=f"{fix}\x00\x08",
    )
    assert render_text(hostile).replace("\n", "").isprintable()
