"""Our ready-made message against what the installed Celery sends for the same task."""

from __future__ import annotations

import json
import re
from typing import cast
from uuid import uuid4

import pytest
import redis
from celery import Celery

from core.domain.job import JobKind
from core.queue import names
from core.queue.message import task_message
from core.queue.publisher import Publisher

_UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DELIVERY_TAG = rb'("delivery_tag": )"' + _UUID + rb'"'
_REPLY_TO = rb'("reply_to": )"(?:' + _UUID + rb')?"'
"""Of use to a result backend that answers by message, which ours does not."""


def _without_what_differs(message: bytes) -> bytes:
    """A number that is drawn for each message, and where an answer would be sent, masked."""
    for pattern in (_DELIVERY_TAG, _REPLY_TO):
        message, times = re.subn(pattern, rb'\1"-"', message)
        assert times == 1
    return message


def _waiting(redis_url: str, queue: str) -> list[bytes]:
    with redis.Redis.from_url(redis_url) as client:
        return cast("list[bytes]", client.lrange(queue, 0, -1))


@pytest.mark.parametrize("kind", list(JobKind))
async def test_byte_for_byte(redis_url: str, kind: JobKind) -> None:
    job_id, subject_id = uuid4(), uuid4()
    task = names.TASK_OF_KIND[kind]
    argument = subject_id if task.by_subject else job_id
    app = Celery("reference", broker=redis_url)
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
    ours, theirs = (_without_what_differs(message) for message in _waiting(redis_url, task.queue))
    assert ours == theirs


async def test_a_canary_byte_for_byte(redis_url: str) -> None:
    publisher = Publisher(redis_url, timeout=1)
    await publisher.send_canary()
    await publisher.aclose()
    [ours] = _waiting(redis_url, names.AI_ANALYSIS)
    app = Celery("reference", broker=redis_url)
    app.send_task(
        names.CANARY, task_id=json.loads(ours)["headers"]["id"], queue=names.AI_ANALYSIS, ignore_result=True
    )
    app.close()
    [theirs, _] = _waiting(redis_url, names.AI_ANALYSIS)
    assert _without_what_differs(ours) == _without_what_differs(theirs)


def test_each_message_has_a_number_of_its_own() -> None:
    """By which Celery tells what it took and what it has acknowledged."""
    job = names.Outgoing(job_id=uuid4(), kind=JobKind.ANALYSE_GROUP, subject_id=uuid4())
    tags = {json.loads(task_message(job))["properties"]["delivery_tag"] for _ in range(100)}
    assert len(tags) == 100


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
