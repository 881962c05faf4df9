"""Our ready-made message against what the installed Celery sends for the same task."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
import redis
from celery import Celery

from core.domain.job import JobKind
from core.queue import names
from core.queue.publisher import Publisher

_DIFFERS_EACH_TIME = {("headers", "origin"), ("properties", "delivery_tag"), ("properties", "reply_to")}


def _flat(message: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Header by header, with the body decoded; what is random by nature left out."""
    flat = {
        (part, name): value for part in ("headers", "properties") for name, value in message[part].items()
    }
    flat |= {("", name): message[name] for name in ("content-type", "content-encoding")}
    flat["", "body"] = json.loads(base64.b64decode(message["body"]))
    return {key: value for key, value in flat.items() if key not in _DIFFERS_EACH_TIME}


@pytest.mark.parametrize("kind", list(JobKind))
async def test_field_by_field(redis_url: str, kind: JobKind) -> None:
    job_id, subject_id = uuid4(), uuid4()
    task = names.TASK_OF_KIND[kind]
    argument = subject_id if task.by_subject else job_id
    app = Celery("reference", broker=redis_url)
    app.conf.update(task_serializer="json")
    app.send_task(
        task.task,
        (str(argument),),
        task_id=str(job_id),
        queue=task.queue,
        ignore_result=not task.keeps_result,
    )
    publisher = Publisher(redis_url, timeout=1)
    await publisher.send([names.Outgoing(job_id=job_id, kind=kind, subject_id=subject_id)])
    await publisher.aclose()
    app.close()
    with redis.Redis.from_url(redis_url) as client:
        ours, theirs = (json.loads(raw) for raw in client.lrange(task.queue, 0, -1))
    assert ours.keys() == theirs.keys()
    assert ours["headers"].keys() == theirs["headers"].keys()
    assert ours["properties"].keys() == theirs["properties"].keys()
    assert _flat(ours) == _flat(theirs)


async def test_a_result_of_the_last_run_is_taken_away(redis_url: str) -> None:
    job = names.Outgoing(job_id=uuid4(), kind=JobKind.GENERATE_METADATA, subject_id=uuid4())
    app = Celery("reference", backend=redis_url)
    with redis.Redis.from_url(redis_url) as client:
        key = app.backend.get_key_for_task(str(job.job_id))  # type: ignore[attr-defined]
        client.set(key, json.dumps({"status": "SUCCESS", "result": 1}))
    assert app.AsyncResult(str(job.job_id)).ready()
    publisher = Publisher(redis_url, timeout=1)
    await publisher.send([job])
    await publisher.aclose()
    assert not app.AsyncResult(str(job.job_id)).ready()
    app.close()
