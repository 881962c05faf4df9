"""The last step before an answer is stored, whoever gave it: bounded, free of secrets, inert.

A model may repeat what it was told to by an event, and rules quote events too.
"""

from __future__ import annotations

from dataclasses import replace

from core.domain.analysis import Analysis
from core.domain.event import EventContent
from core.domain.metadata import Metadata
from core.domain.project_cut import clip
from core.domain.scrub import scrub_text
from core.domain.untrusted_text import visible
from worker.prompts.evidence import sources_of
from worker.prompts.plain_text import broken_links

_PROSE_CHARS = 4_000
_QUOTE_CHARS = 600
_ITEM_CHARS = 600
_MOST_QUOTES = 10
_MOST_UNKNOWNS = 10


def safe_analysis(analysis: Analysis, content: EventContent) -> Analysis:
    """Each quote with the field that it comes from; every copy of the analysis costs at most 20 kB."""
    quotes = tuple(quote[:_QUOTE_CHARS] for quote in analysis.evidence[:_MOST_QUOTES])
    return replace(
        analysis,
        root_cause=_safe(analysis.root_cause, _PROSE_CHARS),
        evidence=tuple(broken_links(scrub_text(quote)) for quote in quotes),
        evidence_sources=sources_of(quotes, content),
        suggested_fix=_safe(analysis.suggested_fix, _PROSE_CHARS),
        unknowns=tuple(_safe(unknown, _ITEM_CHARS) for unknown in analysis.unknowns[:_MOST_UNKNOWNS]),
    )


def safe_metadata(found: Metadata) -> Metadata:
    return replace(
        found,
        summary=_safe(found.summary, _PROSE_CHARS),
        tags=tuple(scrub_text(tag) for tag in found.tags),
        category=_safe(found.category, _ITEM_CHARS),
        keywords=tuple(_safe(keyword, _ITEM_CHARS) for keyword in found.keywords),
    )


def _safe(text: str, limit: int) -> str:
    return clip(broken_links(scrub_text(visible(text))), limit)
