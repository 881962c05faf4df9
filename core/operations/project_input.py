"""A project as people write it, over HTTP or in a file: what is allowed, cleaned and free of secrets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.domain.clean import clean_text
from core.domain.metadata import TagMerge, TagVocabulary
from core.domain.scrub import scrub_text
from core.operations.project_key import ProjectKey
from core.store.projects import ProjectFields

IngestRate = Annotated[
    int, Field(ge=1, le=60_000_000, description="events a minute; null: as the settings say")
]


def _free_of_secrets(text: str) -> str:
    """Project texts go to models as errors do, so they are scrubbed likewise before they are stored."""
    return scrub_text(clean_text(text))


_Text = Annotated[str, AfterValidator(_free_of_secrets)]
_Language = Annotated[str, Field(pattern=r"^[a-z]{2}$", description="ISO 639-1")]
_Tag = Annotated[str, AfterValidator(_free_of_secrets), Field(min_length=1, max_length=40)]


class ProjectIn(BaseModel):
    """`summary`, `tags`, `category` and `keywords` are people's own and are never overwritten."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: ProjectKey | None = Field(default=None, description="the project_key of events; unset: the id")
    title: _Text = Field(default="", max_length=500)
    description: _Text = Field(default="", max_length=20_000)
    content: _Text = ""
    language: _Language | None = None
    status: Literal["draft", "published"] = "published"
    summary: _Text | None = Field(default=None, max_length=5_000)
    tags: list[_Tag] = Field(default_factory=list, max_length=20)
    category: _Text | None = Field(default=None, max_length=100)
    keywords: list[_Tag] = Field(default_factory=list, max_length=50)
    tag_vocabulary: TagVocabulary = TagVocabulary.FREE
    tag_merge: TagMerge = TagMerge.APPEND
    output_language: _Language | None = None
    instructions: _Text | None = Field(default=None, max_length=2_000)
    budget_day_usd: float | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)
    budget_month_usd: float | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)
    ingest_rate: IngestRate | None = None

    def fields(self, *, default_key: str) -> ProjectFields:
        values = self.model_dump()
        values |= {"tags": tuple(self.tags), "keywords": tuple(self.keywords)}
        values["key"] = self.key or default_key
        return ProjectFields(**values)
