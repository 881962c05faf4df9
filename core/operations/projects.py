"""What is shown of a project: what people wrote comes before what was generated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from core.domain.metadata import TagMerge
from core.domain.tags import merge_tags
from core.store.metadata import Subject

V = TypeVar("V")

MOST_TAGS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """Metadata as readers see it. `sources`: who wrote each field, `people`, `model` or `both`."""

    project_id: UUID
    summary: str | None
    tags: tuple[str, ...]
    category: str | None
    keywords: tuple[str, ...]
    language: str | None
    model: str | None
    prompt_version: str | None
    confidence: float | None
    created_at: datetime | None
    sources: dict[str, str]


def merged(subject: Subject, *, show_generated: bool) -> Shown | None:
    """None: there is neither people's own metadata nor any that was generated and may be shown."""
    own = subject.project.fields
    stored = subject.stored if show_generated else None
    if stored is None and not (own.summary or own.tags or own.category or own.keywords):
        return None
    generated = stored.metadata if stored else None
    sources: dict[str, str] = {}
    return Shown(
        project_id=subject.project.id,
        summary=_first(sources, "summary", own.summary, generated.summary if generated else None),
        tags=_tags(sources, own.tags, generated.tags if generated else (), own.tag_merge),
        category=_first(sources, "category", own.category, generated.category if generated else None),
        keywords=_first(sources, "keywords", own.keywords, generated.keywords if generated else ()) or (),
        language=generated.language if generated else own.output_language or own.language,
        model=stored.model if stored else None,
        prompt_version=stored.prompt_version if stored else None,
        confidence=generated.confidence if generated else None,
        created_at=stored.created_at if stored else None,
        sources=sources,
    )


def _first(sources: dict[str, str], name: str, own: V, generated: V) -> V:
    if own:
        sources[name] = "people"
        return own
    if generated:
        sources[name] = "model"
    return generated


def _tags(
    sources: dict[str, str], own: tuple[str, ...], generated: tuple[str, ...], merge: TagMerge
) -> tuple[str, ...]:
    """People's tags first, as they wrote them; generated ones that repeat them are left out."""
    if not own or (merge is TagMerge.REPLACE):
        return _first(sources, "tags", own, generated)
    joined = merge_tags((*own, *generated), known=own, limit=MOST_TAGS)
    sources["tags"] = "both" if len(joined) > len(own) else "people"
    return joined
