"""A Celery task message (protocol 2, JSON, as kombu's Redis transport stores it) without Celery.

Importing Celery and its first publish cost a cold Lambda half a second, and each `.delay()` 0.6 ms;
a message is one JSON text of which only ids change. `tests/integration/test_celery_message.py`
compares it with what the installed Celery sends, field by field, so an upgrade cannot break it unseen.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from uuid import uuid4

from core.queue.names import CANARY, TASK_OF_KIND, Outgoing

_ORIGIN = f"{os.getpid()}@{socket.gethostname()}"


def task_message(outgoing: Outgoing) -> bytes:
    """The list element that makes a worker run the job's task. The task's id is the job's."""
    task = TASK_OF_KIND[outgoing.kind]
    argument = outgoing.subject_id if task.by_subject else outgoing.job_id
    return _message(
        task.task,
        task.queue,
        task_id=str(outgoing.job_id),
        arguments=[str(argument)],
        ignores_result=not task.keeps_result,
    )


def canary_message(queue: str) -> bytes:
    """For a task that only says that somebody took it."""
    return _message(CANARY, queue, task_id=str(uuid4()), arguments=[], ignores_result=True)


def _message(task: str, queue: str, *, task_id: str, arguments: list[str], ignores_result: bool) -> bytes:
    body = json.dumps(
        [arguments, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    ).encode()
    message = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": task,
            "id": task_id,
            "shadow": None,
            "eta": None,
            "expires": None,
            "group": None,
            "group_index": None,
            "retries": 0,
            "timelimit": [None, None],
            "root_id": task_id,
            "parent_id": None,
            "argsrepr": repr(tuple(arguments)),
            "kwargsrepr": "{}",
            "origin": _ORIGIN,
            "ignore_result": ignores_result,
            "replaced_task_nesting": 0,
            "stamped_headers": None,
            "stamps": {},
        },
        "properties": {
            "correlation_id": task_id,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
    return json.dumps(message).encode()
