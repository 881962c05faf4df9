"""A Celery task message (protocol 2, JSON, as kombu's Redis transport stores it) without Celery.

Importing Celery and its first publish cost a cold Lambda half a second, and each `.delay()` 0.6 ms.
A message is one JSON text of which only ids change, so it is made once for each task, with holes for them.
`tests/integration/test_celery_message.py` compares it with what the installed Celery sends, byte for
byte, so an upgrade cannot break it unseen.
"""

from __future__ import annotations

import binascii
import json
import os
import socket
from functools import lru_cache

from core.domain.job import JobKind
from core.queue.names import CANARY, TASK_OF_KIND, Outgoing

_ORIGIN = f"gen{os.getpid()}@{socket.gethostname()}"

_NO_ARGUMENT = b'[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
_BEFORE, _AFTER = b'[["', _NO_ARGUMENT.replace(b"[[]", b'"]')
"""Around one argument. What comes before, and a UUID, are multiples of three bytes: each can be written in
base64 by itself."""


def task_message(outgoing: Outgoing) -> bytes:
    """The list element that makes a worker run the job's task. The task's id is the job's."""
    argument = outgoing.subject_id if TASK_OF_KIND[outgoing.kind].by_subject else outgoing.job_id
    return _filled(_job_template(outgoing.kind), str(outgoing.job_id), str(argument))


def canary_message(queue: str) -> bytes:
    """For a task that only says that somebody took it."""
    template = _template(CANARY, queue, has_argument=False, ignores_result=True)
    return _filled(template, _random_id().decode(), "")


def _filled(template: bytes, task_id: str, argument: str) -> bytes:
    """Both are UUIDs, so nothing in them needs to be escaped."""
    text = argument.encode()
    return template % {
        b"id": task_id.encode(),
        b"argument": text,
        b"argument64": binascii.b2a_base64(text, newline=False),
        b"tag": _random_id(),
    }


def _random_id() -> bytes:
    """As text. Drawn by the operating system: clones of a process share any other source of chance."""
    digits = os.urandom(16).hex().encode()
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@lru_cache(maxsize=len(JobKind))
def _job_template(kind: JobKind) -> bytes:
    task = TASK_OF_KIND[kind]
    return _template(task.task, task.queue, has_argument=True, ignores_result=not task.keeps_result)


def _template(task: str, queue: str, *, has_argument: bool, ignores_result: bool) -> bytes:
    return json.dumps(
        {
            "body": _body(has_argument=has_argument),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": "%(id)b",
                "shadow": None,
                "eta": None,
                "expires": None,
                "group": None,
                "group_index": None,
                "retries": 0,
                "timelimit": [None, None],
                "root_id": "%(id)b",
                "parent_id": None,
                "argsrepr": "('%(argument)b',)" if has_argument else "()",
                "kwargsrepr": "{}",
                "origin": _ORIGIN.replace("%", "%%"),
                "ignore_result": ignores_result,
                "replaced_task_nesting": 0,
                "stamped_headers": None,
                "stamps": {},
            },
            "properties": {
                "correlation_id": "%(id)b",
                "reply_to": "",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": "%(tag)b",
            },
        }
    ).encode()


def _body(*, has_argument: bool) -> str:
    parts = (_BEFORE, _AFTER) if has_argument else (_NO_ARGUMENT,)
    return "%(argument64)b".join(binascii.b2a_base64(part, newline=False).decode() for part in parts)
