"""ECS task scale-in protection, held while a job is worked.

ECS may end any task of a service, to scale in or to deploy, but leaves alone one that is protected.
The worker's parent asks for that by the agent beside it: PUT $ECS_AGENT_URI/task-protection/v1/state.
The agent passes it on to an ECS API that is throttled by account, so the answer is awaited by a
thread of its own and the calls are few: one when work begins, one for every few minutes of work, one
when it has been quiet for a while. Without protection nothing is lost, jobs are given back on SIGTERM;
so a failure is logged and otherwise of no consequence.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from celery.signals import worker_shutdown
from celery.worker.state import active_requests

from core.queue.names import TASK_OF_KIND

logger = logging.getLogger(__name__)

EXPIRES_MINUTES = 10
"""Protection ends by itself, should the parent hang. Whole minutes, at least 1."""
RENEW_SECONDS = 300
"""Renewed when less is left: as long as a job may take, so none outlives its protection."""
IDLE_SECONDS = 10
"""Kept for so long after the last job: on and off with every job would be throttled."""
LONGEST_SECONDS = 900
"""Under an endless backlog an old task would stay protected, and a deployment wait, for ever."""
PAUSE_SECONDS = 60
"""So long a task that held on for LONGEST_SECONDS may be ended; jobs then have the shutdown's grace."""
RETRY_SECONDS = 15
"""After a failed call; twice as long after each further one, up to RENEW_SECONDS."""

_PATH = "/task-protection/v1/state"
_POLL_SECONDS = 0.5
_CALL_SECONDS = 6.0
"""The agent itself gives up on ECS after 4 s."""
_GOODBYE_SECONDS = 3.0
_LONGEST_ANSWER = 65_536
_JOBS = frozenset(known.task for known in TASK_OF_KIND.values())


class Call(StrEnum):
    PROTECT = "protect"
    RELEASE = "release"


class Refused(Exception):
    """The agent did not do as it was asked, or nobody knows. The message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What ECS was told. All times are seconds of one clock that only goes forward."""

    since: float = 0.0
    sure_until: float = 0.0
    """ECS confirmed it."""
    maybe_until: float = 0.0
    """Later than `sure_until` where an answer was lost: it may or may not have been done."""
    worked_at: float = 0.0
    """When a job was last seen."""
    silent_until: float = 0.0
    failures: int = 0
    """In a row."""


def due(held: Held, *, is_working: bool, now: float) -> Call | None:
    """The call to make now, if any."""
    if now < held.silent_until:
        return None
    if is_working:
        if held.sure_until > now and now - held.since >= LONGEST_SECONDS:
            return Call.RELEASE
        return Call.PROTECT if held.sure_until - now <= RENEW_SECONDS else None
    is_over = held.maybe_until > now and now - held.worked_at >= IDLE_SECONDS
    return Call.RELEASE if is_over else None


def after(held: Held, call: Call, *, is_done: bool, now: float) -> Held:
    """`held` once the call was answered, or was not."""
    until = now + EXPIRES_MINUTES * 60
    if not is_done:
        wait = min(RETRY_SECONDS * 2**held.failures, RENEW_SECONDS)
        failed = replace(held, failures=held.failures + 1, silent_until=now + wait)
        if call is Call.PROTECT:
            return replace(failed, maybe_until=until)
        return replace(failed, sure_until=0.0)
    if call is Call.PROTECT:
        since = held.since if held.sure_until > now else now
        return replace(held, since=since, sure_until=until, maybe_until=until, failures=0)
    is_pause = now - held.worked_at < IDLE_SECONDS
    silent_until = now + PAUSE_SECONDS if is_pause else 0.0
    return Held(worked_at=held.worked_at, silent_until=silent_until)


class Protection:
    """Looks at the work twice a second, in a thread, and tells the agent what is due.

    `tell` raises Refused.
    """

    def __init__(
        self,
        tell: Callable[[Call], None],
        *,
        is_working: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell, self._is_working, self._clock = tell, is_working, clock
        self._held = Held()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scale-in-protection", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """For a worker whose jobs have all ended: give protection back, waiting no more than 3 s."""
        self._stopping.set()
        self._thread.join(_GOODBYE_SECONDS)

    def look(self) -> None:
        """Make the call that is due, if any."""
        is_working, now = self._is_working(), self._clock()
        if is_working:
            self._held = replace(self._held, worked_at=now)
        call = due(self._held, is_working=is_working, now=now)
        if call is not None:
            self._make(call)

    def _run(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            self.look()
        if self._held.maybe_until > self._clock():
            self._make(Call.RELEASE)

    def _make(self, call: Call) -> None:
        try:
            self._tell(call)
        except Refused as exc:
            if not self._held.failures:
                logger.warning(
                    "scale-in protection fails (%s); jobs go on without it", call, extra={"cause": str(exc)}
                )
            is_done = False
        else:
            if self._held.failures:
                logger.info("scale-in protection works again")
            is_done = True
        self._held = after(self._held, call, is_done=is_done, now=self._clock())


def start(agent_uri: str) -> None:
    """Protect this task while a job of this worker's pool runs, until the worker shuts down warmly."""
    protection = Protection(lambda call: tell_agent(agent_uri, call), is_working=a_job_is_worked)
    worker_shutdown.connect(lambda **_: protection.stop(), weak=False)
    protection.start()


def a_job_is_worked() -> bool:
    """By any process of this parent's pool. Canaries, sweeps and clean-ups are no jobs."""
    while True:
        try:
            return any(request.name in _JOBS for request in tuple(active_requests))
        except RuntimeError:
            # The main thread added one meanwhile.
            continue


def tell_agent(agent_uri: str, call: Call) -> None:
    """Raises Refused. The environment's proxies are not used."""
    wanted: dict[str, bool | int] = {"ProtectionEnabled": call is Call.PROTECT}
    if call is Call.PROTECT:
        wanted["ExpiresInMinutes"] = EXPIRES_MINUTES
    try:
        parts = urlsplit(agent_uri)
        if parts.scheme != "http" or not parts.hostname:
            raise Refused("ECS_AGENT_URI is no http:// address")
        connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=_CALL_SECONDS)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("PUT", parts.path.rstrip("/") + _PATH, json.dumps(wanted), headers)
            response = connection.getresponse()
            answer = json.loads(response.read(_LONGEST_ANSWER))
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as exc:
        raise Refused(f"{type(exc).__name__}: {exc}") from exc
    if response.status != 200 or not isinstance(answer, dict) or not answer.get("protection"):
        raise Refused(f"{response.status}: {_reason(answer)}")


def _reason(answer: object) -> str:
    """Of an answer that is a refusal: ECS says `failure` with status 200, the agent says `error`."""
    if isinstance(answer, dict):
        for name, fields in (("failure", ("Reason", "Detail")), ("error", ("Code", "Message"))):
            if isinstance(told := answer.get(name), dict):
                return ": ".join(str(told[field]) for field in fields if told.get(field))
    return "an answer that says nothing of protection"
