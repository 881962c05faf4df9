"""Ask for a project's metadata, unless it is known, and store it beside what people wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from core import metrics
from core.domain.job import METADATA_VERSION, JobKind, JobState, job_id
from core.domain.metadata import Metadata, ProjectText, Wishes
from core.operations.metadata import hash_of, wishes_of
from core.store import jobs, metadata
from core.store.database import Connection, Cursor
from worker.prompts import metadata as prompt
from worker.prompts.safe import safe_metadata
from worker.providers.base import Answer, ChainFailed
from worker.usecases.asking import Asking
from worker.usecases.claimed import JobTools, fenced, fenced_with_calls, record, work_claimed
from worker.usecases.offline import ask_offline

NO_CONTENT = "no content"
SWITCHED_OFF = "switched off"


@dataclass(frozen=True, kw_only=True, slots=True)
class Extractor:
    """Finds metadata without a model, and the name that its answers carry."""

    model: str
    extract: Callable[[ProjectText, Wishes], Metadata]


@dataclass(frozen=True, kw_only=True, slots=True)
class MetadataTools:
    """`extractor` None: without a model there is no answer. `is_enabled` False: nothing is generated."""

    jobs: JobTools
    asking: Asking
    extractor: Extractor | None
    is_enabled: bool


async def generate_metadata(project_id: UUID, *, claimed_by: str, tools: MetadataTools) -> str:
    """Work the project's job, if it is to be had. Gives the outcome in a word."""

    async def ask(connection: Connection, _: UUID) -> Cursor:
        return await metadata.subject_of(connection, project_id)

    async def work(claim: jobs.Claim, subject: metadata.Subject | None) -> str:
        return await _work(claim, subject, tools)

    return await work_claimed(
        job_id(JobKind.GENERATE_METADATA, project_id, METADATA_VERSION),
        JobKind.GENERATE_METADATA,
        claimed_by=claimed_by,
        ask=ask,
        read=metadata.read_subject,
        work=work,
        tools=tools.jobs,
    )


async def _work(claim: jobs.Claim, subject: metadata.Subject | None, tools: MetadataTools) -> str:
    if not tools.is_enabled:
        return await _skip(claim, SWITCHED_OFF, tools)
    if subject is None or subject.project.fields.text.is_empty:
        return await _skip(claim, NO_CONTENT, tools)
    content_hash = hash_of(subject)
    is_fresh = subject.stored is not None and subject.stored.content_hash == content_hash
    if is_fresh and not claim.force:
        await fenced(lambda c: jobs.finish(c, claim, JobState.DONE), tools.jobs)
        return JobState.DONE
    text, wishes = subject.project.fields.text, wishes_of(subject)
    try:
        answer = await tools.asking.ask(
            claim, prompt.build(text, wishes), lambda said: prompt.read(said, text, wishes)
        )
    except ChainFailed as exc:
        if tools.extractor is None:
            metrics.META_FAILURES.labels(exc.failure).inc()
            raise
        extractor = tools.extractor
        answer = await ask_offline(extractor.model, lambda: extractor.extract(text, wishes), exc.calls)
    answer = replace(answer, value=safe_metadata(answer.value))
    await _store(claim, content_hash, answer, tools)
    _observe(text, answer.value)
    return JobState.DONE


async def _skip(claim: jobs.Claim, reason: str, tools: MetadataTools) -> str:
    await fenced(lambda c: jobs.finish(c, claim, JobState.SKIPPED, reason=reason), tools.jobs)
    return JobState.SKIPPED


async def _store(
    claim: jobs.Claim, content_hash: str, answer: Answer[Metadata], tools: MetadataTools
) -> None:
    async def write(connection: Connection) -> None:
        await metadata.save(
            connection,
            claim.subject_id,
            answer.value,
            model=answer.model,
            version=METADATA_VERSION,
            content_hash=content_hash,
        )
        await record(connection, claim, answer.calls)
        await jobs.finish(connection, claim, JobState.DONE)

    await fenced_with_calls(claim, answer.calls, write, tools.jobs)


def _observe(text: ProjectText, found: Metadata) -> None:
    metrics.META_CONTENT_CHARS.observe(len(text.title) + len(text.description) + len(text.content))
    metrics.META_TAGS.observe(len(found.tags))
    metrics.META_SUMMARY_CHARS.observe(len(found.summary))


def as_result(stored: metadata.StoredMetadata) -> dict[str, Any]:
    """Metadata as a task's result: JSON types only."""
    found = stored.metadata
    return {
        "summary": found.summary,
        "tags": list(found.tags),
        "category": found.category,
        "keywords": list(found.keywords),
        "language": found.language,
        "confidence": found.confidence,
        "model": stored.model,
    }
