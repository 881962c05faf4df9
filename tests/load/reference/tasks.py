"""The worker's side: read the event, ask the model, store what it said."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any
from uuid import UUID

from openai import OpenAI
from sqlalchemy import select

from tests.load.reference.celery_app import app
from tests.load.reference.database import SessionLocal
from tests.load.reference.models import ErrorAnalysis, ErrorEvent

_PROMPT = (
    "You are an expert in finding the cause of errors. Answer with a JSON object that has `root_cause`,"
    " `suggested_fix` (both text) and `confidence` (between 0 and 1)."
)


@app.task(
    name="analyse_error_event",
    autoretry_for=(Exception,),
    max_retries=3,
    retry_backoff=True,
    retry_backoff_max=600,
)
def analyse_error_event(event_id: str) -> None:
    with SessionLocal() as db:
        event = db.get(ErrorEvent, UUID(event_id))
        if event is None or event.status_code < 500:
            return
        if db.scalar(select(ErrorAnalysis.id).where(ErrorAnalysis.error_event_id == event.id)):
            return
        answer, model = perform_ai_analysis(event.payload)
        db.add(
            ErrorAnalysis(
                error_event_id=event.id,
                analysis_text=f"{answer['root_cause']}\n\n{answer['suggested_fix']}",
                model=model,
                confidence=answer["confidence"],
            )
        )
        db.commit()


@lru_cache(maxsize=1)
def client() -> OpenAI:
    """One a process: a new one for each task would cost more than the rest of it."""
    return OpenAI()


def perform_ai_analysis(payload: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The model's answer, and its name."""
    completion = client().chat.completions.create(
        model=os.environ.get("OPENAI_MODEL", "gpt-6-luna"),
        messages=[{"role": "system", "content": _PROMPT}, {"role": "user", "content": json.dumps(payload)}],
        response_format={"type": "json_object"},
    )
    answer: dict[str, Any] = json.loads(completion.choices[0].message.content or "{}")
    return answer, completion.model
