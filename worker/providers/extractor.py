"""The offline extractor: counting in place of a model. Pure, and metadata for every project.

It is what an installation without an API key shows, and the last resort of one with a key whose
providers all fail. It quotes and counts, it does not write: its summary is sentences of the text,
in the text's language whatever the wishes ask for, and instructions steer nothing.
"""

from __future__ import annotations

from core.domain.metadata import Metadata, ProjectText, TagVocabulary, Wishes
from core.domain.project_cut import Cut, clip, cut_parts
from core.domain.project_noise import LEFT_OUT
from core.domain.tags import apply_vocabulary
from worker.providers.offline_text.categories import OTHER, category_of
from worker.providers.offline_text.keywords import keywords_of
from worker.providers.offline_text.language import DEFAULT, detect, primary
from worker.providers.offline_text.occurrence import Occurrences
from worker.providers.offline_text.sentences import sentences_of, telling

MODEL = "extractive-1"

_MOST_CONFIDENT = 0.5
_WRONG_LANGUAGE_CAP = 0.2
_MOST_KEYWORDS = 15
_MOST_TAGS = 10
_NEW_TAGS = 6
"""Counting finds more words than a project has subjects."""
_SUMMARY_CHARS = 600
_VOCABULARY_LOOKED_AT = 2_000


def extract(text: ProjectText, wishes: Wishes) -> Metadata:
    """What the text's own words tell. Never raises; confidence is at most 0.5, and 0 without a text.

    Takes as long for 10 MB as for 4,000 characters, of which no more is looked at.
    """
    cut = cut_parts(text)
    everything = "\n".join(part for part in (cut.title, cut.description, cut.content) if part)
    language = primary(text.language) or (detect(everything) if everything else DEFAULT)
    found = keywords_of(cut.title, cut.description, cut.content, language=language, limit=_MOST_KEYWORDS)
    sentences = telling(sentences_of(cut, language), found.scores, language)
    tags = _tags(found.phrases, Occurrences(everything, language), wishes)
    category = category_of(cut.title, cut.description, cut.content)
    signs = (bool(sentences), len(found.phrases) > 4, category != OTHER, bool(cut.description))
    return Metadata(
        summary=sentences or _without_sentences(cut),
        tags=tags,
        category=category,
        keywords=found.phrases,
        language=language,
        confidence=_confidence(signs, language, wishes) if everything else 0.0,
    )


def _without_sentences(cut: Cut) -> str:
    first_line = cut.content.replace(LEFT_OUT, "").strip().partition("\n")[0]
    return clip(cut.description or cut.title or first_line.lstrip("# "), _SUMMARY_CHARS)


def _tags(keywords: tuple[str, ...], text: Occurrences, wishes: Wishes) -> tuple[str, ...]:
    """Existing tags that the text names, where the wishes want them; then its own best keywords."""
    if wishes.vocabulary is TagVocabulary.FREE:
        return apply_vocabulary(keywords, wishes, limit=_NEW_TAGS)
    existing = [tag for tag in wishes.existing_tags[:_VOCABULARY_LOOKED_AT] if text.has_tag(tag)]
    limit = max(_NEW_TAGS, min(len(existing), _MOST_TAGS))
    return apply_vocabulary([*existing, *keywords], wishes, limit=limit)


def _confidence(signs: tuple[bool, ...], language: str, wishes: Wishes) -> float:
    """Modest by design: a count knows no meaning. Each thing that was found adds a little."""
    confidence = min(round(0.1 + 0.1 * sum(signs), 2), _MOST_CONFIDENT)
    wanted = primary(wishes.output_language)
    return min(confidence, _WRONG_LANGUAGE_CAP) if wanted and wanted != language else confidence
