"""What comes in and goes out over HTTP: projects and their metadata."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from core.domain.metadata import TagMerge, TagVocabulary
from core.store.projects import Project


class ProjectOut(BaseModel):
    id: UUID
    number: int
    key: str
    title: str
    description: str
    content: str
    language: str | None
    status: str
    summary: str | None
    tags: list[str]
    category: str | None
    keywords: list[str]
    tag_vocabulary: TagVocabulary
    tag_merge: TagMerge
    output_language: str | None
    instructions: str | None
    budget_day_usd: float | None
    budget_month_usd: float | None
    ingest_rate: int | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, project: Project) -> ProjectOut:
        return cls(
            id=project.id,
            number=project.number,
            created_at=project.created_at,
            updated_at=project.updated_at,
            **asdict(project.fields),
        )


class ProjectPage(BaseModel):
    items: list[ProjectOut]
    next_cursor: str | None


class MetadataOut(BaseModel):
    """`sources` says of each field whether `people`, `model` or `both` made it."""

    model_config = ConfigDict(from_attributes=True)

    project_id: UUID
    summary: str | None
    tags: list[str]
    category: str | None
    keywords: list[str]
    language: str | None
    model: str | None
    prompt_version: str | None
    confidence: float | None
    created_at: datetime | None
    sources: dict[str, str]


class GenerationQueued(BaseModel):
    job_id: UUID
    task_id: str
    status: Literal["queued"]


class MetadataExists(BaseModel):
    """`metadata` null: it exists, and NEXT_PUBLIC_SHOW_AI_META=false hides it."""

    status: Literal["exists"]
    metadata: MetadataOut | None
