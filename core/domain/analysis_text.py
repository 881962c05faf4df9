"""An analysis as plain text for people: what goes into `analysis_text`, whoever wrote the analysis."""

from __future__ import annotations

from core.domain.analysis import Analysis

_HIGH, _MEDIUM = 0.7, 0.4


def render_text(analysis: Analysis) -> str:
    """Short labelled paragraphs. The text drives no terminal: of control and format characters
    (escapes, bidirectional overrides, zero-width signs) only line breaks are left."""
    cause = _plain(analysis.root_cause) or "Not known."
    evidence = "\n".join(_block_quote(quote) for quote in analysis.evidence if _plain(quote))
    unknowns = "\n".join(f"- {_plain_line(unknown)}" for unknown in analysis.unknowns if _plain(unknown))
    paragraphs = (
        ("Likely cause" if not analysis.inconclusive else "Likely cause (inconclusive)", cause),
        ("Evidence", evidence),
        ("What to try", _plain(analysis.suggested_fix)),
        ("Not known", unknowns),
    )
    parts = [f"{label}:\n{body}" for label, body in paragraphs if body]
    return "\n\n".join([*parts, f"Confidence: {confidence_label(analysis.confidence)}"])


def confidence_label(confidence: float) -> str:
    """The number with its word: `medium (0.45)`."""
    word = "high" if confidence >= _HIGH else "medium" if confidence >= _MEDIUM else "low"
    return f"{word} ({confidence:.2f})"


def _plain(text: str) -> str:
    """Printable characters and `\\n`; every other break or blank becomes one of the two."""
    lines = text.splitlines()
    return "\n".join(_printable(line).rstrip() for line in lines).strip("\n")


def _plain_line(text: str) -> str:
    return " ".join(_plain(text).split())


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else " " if char.isspace() else "" for char in line)


def _block_quote(quote: str) -> str:
    return "\n".join(f"> {line}" for line in _plain(quote).split("\n") if line.strip())
