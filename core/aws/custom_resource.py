"""Answering CloudFormation, which waits for up to an hour for a custom resource that says nothing.

Standard library only, so that a package which cannot be loaded is answered too.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from core.errors import RootnoteError

logger = logging.getLogger(__name__)

_MOST_BYTES = 4_096
"""CloudFormation refuses a longer answer."""
_PUT_SECONDS = 5.0
_PAUSES = (0.5, 1.0, 2.0)
_COPIED = ("StackId", "RequestId", "LogicalResourceId")


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """`data` is what the template reads with GetAtt."""

    data: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def serve(
    request: Mapping[str, Any], work: Callable[[], Done], *, physical_id: str, answer_within: float
) -> None:
    """Do `work` for Create and Update, nothing for Delete, and answer once, within so many seconds.

    What `work` raises becomes the answer FAILED: a RootnoteError with its message, anything else with
    its class alone, since its text may hold secrets. When time runs short FAILED is said while `work`
    goes on: end it before that.

    Raises OSError when no answer came through; Lambda then invokes the function again.
    """
    answer = _Answer(request, physical_id)
    watchdog = threading.Timer(answer_within, _give_up, [answer])
    watchdog.daemon = True
    watchdog.start()
    try:
        _work_and_answer(request, work, answer)
    finally:
        watchdog.cancel()


def _work_and_answer(request: Mapping[str, Any], work: Callable[[], Done], answer: _Answer) -> None:
    try:
        done = _outcome(str(request.get("RequestType")), work)
    except RootnoteError as exc:
        logger.exception("the custom resource failed")
        answer.send("FAILED", str(exc))
    except (Exception, SystemExit) as exc:
        logger.exception("the custom resource failed")
        answer.send("FAILED", f"{type(exc).__name__}; the log of the function says more")
    else:
        answer.send("SUCCESS", done.reason, done.data)


def _outcome(request_type: str, work: Callable[[], Done]) -> Done:
    if request_type == "Delete":
        return Done(reason="nothing to do")
    if request_type not in {"Create", "Update"}:
        raise RootnoteError(f"unknown RequestType {request_type}")
    return work()


def _give_up(answer: _Answer) -> None:
    try:
        answer.send("FAILED", "time ran short; the log of the function says more")
    except OSError:
        logger.exception("no answer came through")


class _Answer:
    """Sent once, whichever thread comes first."""

    def __init__(self, request: Mapping[str, Any], physical_id: str) -> None:
        self._url = str(request["ResponseURL"])
        self._fields = {name: request.get(name, "") for name in _COPIED}
        # Another id would make CloudFormation replace the resource.
        self._fields["PhysicalResourceId"] = request.get("PhysicalResourceId") or physical_id
        self._lock = threading.Lock()
        self._sent = False

    def send(self, status: str, reason: str, data: Mapping[str, str] | None = None) -> None:
        """Raises OSError when no PUT came through."""
        body = _body({**self._fields, "Status": status, "Data": dict(data or {})}, reason)
        with self._lock:
            if self._sent:
                logger.warning("too late to answer", extra={"status": status})
                return
            _put(self._url, body)
            self._sent = True
        logger.info("CloudFormation is answered", extra={"status": status})


def _body(fields: Mapping[str, Any], reason: str) -> bytes:
    reason = " ".join(reason.split())
    while True:
        body = json.dumps({**fields, "Reason": reason or "no reason"}, ensure_ascii=False)
        encoded = body.encode(errors="replace")
        if len(encoded) <= _MOST_BYTES or not reason:
            return encoded
        reason = reason[: len(reason) * 3 // 4]


def _put(url: str, body: bytes) -> None:
    # Only an empty type agrees with the signature in the URL, and left out, urllib would say its own.
    request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - see below
    for pause in (*_PAUSES, None):
        try:
            # The URL is CloudFormation's own; who may invoke this function is IAM's to say.
            with urlopen(request, timeout=_PUT_SECONDS):  # noqa: S310 - see above
                return
        except HTTPError as exc:
            exc.close()
            cause = f"status {exc.code}"
        except (OSError, HTTPException) as exc:
            # Not the exception's text, which may have the URL, and that is a permission to write.
            cause = type(exc).__name__
        if pause is None:
            raise OSError(f"CloudFormation could not be answered: {cause}")
        logger.warning("an answer to CloudFormation was refused", extra={"cause": cause})
        time.sleep(pause)
