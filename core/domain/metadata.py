"""What is known of a project's text, and what its owners wish to be made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TagVocabulary(StrEnum):
    FREE = "free"
    """Any tags."""
    PREFER_EXISTING = "prefer-existing"
    """Tags that other projects have, where they fit; new ones where none does."""
    ONLY_EXISTING = "only-existing"
    """Never a new tag."""


class TagMerge(StrEnum):
    """What becomes of generated tags where people have written their own."""

    APPEND = "append"
    REPLACE = "replace"
    """The people's tags stand alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectText:
    """What there is to describe. `language` is an ISO 639-1 code, or None: to be found out."""

    title: str = ""
    description: str = ""
    content: str = ""
    language: str | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.title.strip() or self.description.strip() or self.content.strip())


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """How it is to be described. `existing_tags` are the vocabulary, the most used first.

    `output_language` None: the text's own. `instructions` are the owner's words, which may steer
    style and focus but not the schema.
    """

    vocabulary: TagVocabulary = TagVocabulary.FREE
    existing_tags: tuple[str, ...] = ()
    output_language: str | None = None
    instructions: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """`tags` are normalised, at most 10; `keywords` at most 15; `confidence` from 0 to 1.

    `category` is one to three words in lower case. `language` is that of summary and tags, ISO 639-1.
    """

    summary: str
    tags: tuple[str, ...]
    category: str
    keywords: tuple[str, ...]
    language: str
    confidence: float
